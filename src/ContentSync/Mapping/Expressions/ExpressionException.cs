namespace ContentSync.Mapping.Expressions;

/// <summary>An expression cannot be used, or not for this value. The message is one sentence: what is wrong and what would be right.</summary>
internal sealed class ExpressionException(string message) : Exception(message);
