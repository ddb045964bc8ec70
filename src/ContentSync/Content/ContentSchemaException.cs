namespace ContentSync.Content;

/// <summary>A schema file cannot be used. The message is one sentence that names the file and the fault.</summary>
public sealed class ContentSchemaException(string message, Exception? innerException = null) : Exception(message, innerException);
