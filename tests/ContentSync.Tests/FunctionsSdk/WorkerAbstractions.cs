// Stands for Microsoft.Azure.Functions.Worker.Extensions.Abstractions 1.3.0, as far as the host uses it. Signatures are the real ones.
namespace Microsoft.Azure.Functions.Worker
{
    /// <summary><c>public class FunctionAttribute : Attribute</c>, on methods.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public class FunctionAttribute(string name) : Attribute
    {
        /// <summary><c>string Name { get; }</c></summary>
        public string Name { get; } = name;
    }

    /// <summary><c>public abstract class RetryAttribute : Attribute</c>, on methods.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public abstract class RetryAttribute : Attribute
    {
        /// <summary><c>int MaxRetryCount { get; set; }</c></summary>
        public int MaxRetryCount { get; set; }
    }

    /// <summary><c>public class FixedDelayRetryAttribute : RetryAttribute</c></summary>
    public class FixedDelayRetryAttribute : RetryAttribute
    {
        /// <summary><c>FixedDelayRetryAttribute(int maxRetryCount, string delayInterval)</c></summary>
        public FixedDelayRetryAttribute(int maxRetryCount, string delayInterval)
        {
            MaxRetryCount = maxRetryCount;
            DelayInterval = delayInterval;
        }

        /// <summary><c>string DelayInterval { get; }</c>, as HH:mm:ss.</summary>
        public string DelayInterval { get; }
    }
}

namespace Microsoft.Azure.Functions.Worker.Extensions.Abstractions
{
    /// <summary><c>public abstract class BindingAttribute : Attribute</c></summary>
    public abstract class BindingAttribute : Attribute;

    /// <summary><c>public abstract class TriggerBindingAttribute : BindingAttribute</c>, on parameters.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public abstract class TriggerBindingAttribute : BindingAttribute;
}
