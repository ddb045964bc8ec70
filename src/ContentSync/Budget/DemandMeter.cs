namespace ContentSync.Budget;

/// <summary>Counts what was asked for in each of the last seconds. Guarded by its owner's lock.</summary>
internal sealed class DemandMeter
{
    // Three full seconds and the current one.
    private const int Seconds = 4;

    private readonly int[] _counts = new int[Seconds];
    private long _second;

    /// <summary>The most in any of the last seconds.</summary>
    public int Peak(long second)
    {
        Advance(second);
        return _counts.Max();
    }

    public void Add(long second)
    {
        Advance(second);
        _counts[(int)(second % Seconds)]++;
    }

    private void Advance(long second)
    {
        if (second - _second >= Seconds) Array.Clear(_counts);
        else while (_second < second) _counts[(int)(++_second % Seconds)] = 0;
        _second = Math.Max(_second, second);
    }
}
