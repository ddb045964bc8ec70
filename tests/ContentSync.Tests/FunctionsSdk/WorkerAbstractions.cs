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
}

namespace Microsoft.Azure.Functions.Worker.Extensions.Abstractions
{
    /// <summary><c>public abstract class BindingAttribute : Attribute</c></summary>
    public abstract class BindingAttribute : Attribute;

    /// <summary><c>public abstract class TriggerBindingAttribute : BindingAttribute</c>, on parameters.</summary>
    [AttributeUsage(AttributeTargets.Parameter)]
    public abstract class TriggerBindingAttribute : BindingAttribute;
}
