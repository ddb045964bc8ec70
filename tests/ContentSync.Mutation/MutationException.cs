namespace ContentSync.Mutation;

/// <summary>The run cannot go on. The message says what is wrong and what to do.</summary>
public sealed class MutationException : Exception
{
    public MutationException()
    {
    }

    public MutationException(string message)
        : base(message)
    {
    }

    public MutationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
