using System.Runtime.ExceptionServices;

namespace ContentSync.Simulation;

/// <summary>What a call to a file gave when it took effect, to be told to its caller later.</summary>
internal static class PortResult
{
    /// <summary>Makes the call.</summary>
    /// <returns>Returns its value, or throws the <see cref="IOException"/> that it threw.</returns>
    public static Func<T> Of<T>(Func<T> effect)
    {
        try
        {
            var value = effect();
            return () => value;
        }
        catch (IOException fault)
        {
            var captured = ExceptionDispatchInfo.Capture(fault);
            return () =>
            {
                captured.Throw();
                return default!;
            };
        }
    }
}
