namespace ContentSync.Mapping.Expressions;

/// <summary>An expression cannot be used, or not for this value. The message is one sentence: what is wrong and what would be right.</summary>
internal sealed class ExpressionException(string message) : Exception(message)
{
    /// <summary>A fault of the value for which a filter or a conversion failed.</summary>
    public static ExpressionException Of(Exception fault) => new(
        fault is OverflowException or DivideByZeroException or FormatException
            ? "a number is too large, or no number"
            : $"a filter cannot be applied to this value ({fault.GetType().Name})");
}
