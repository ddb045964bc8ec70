namespace ContentSync.Content;

/// <summary>A schema file cannot be used. The message names the file and the fault in one sentence.</summary>
public sealed class ContentSchemaException(string message, Exception? innerException = null) : Exception(message, innerException);
