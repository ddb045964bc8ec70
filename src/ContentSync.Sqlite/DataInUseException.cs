namespace ContentSync.Sqlite;

/// <summary>Another process owns the data. The message is meant for a person.</summary>
public sealed class DataInUseException(string message, Exception? innerException = null) : Exception(message, innerException);
