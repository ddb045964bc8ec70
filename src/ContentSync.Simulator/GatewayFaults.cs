using System.Globalization;
using System.Text;

namespace ContentSync.Simulator;

/// <summary>How the simulated AlipayHK misbehaves. The text form is what the command line and the admin surface take.</summary>
/// <param name="All">At most one of each kind; for one request the first that fires counts, latency goes with any.</param>
/// <param name="Seed">Of the random numbers behind the probabilities.</param>
public sealed record GatewayFaults(IReadOnlyList<GatewayFault> All, int Seed = 1)
{
    /// <summary>It behaves.</summary>
    public static GatewayFaults None { get; } = new([]);

    /// <summary>One line that teaches the text form.</summary>
    public static string Grammar { get; } =
        "name=rate[:parameter][*count], separated by commas; rate is a probability (0.05) or every nth (1/20), count the most times it happens. "
        + "Names: " + string.Join(", ", FaultNames.Known) + ". Example: latency=50ms+20ms,unknown=0.05,throttle=1/50:3s,error=0.01:503,lost=1*3,seed=7";

    /// <summary>Reads the text form, see <see cref="Grammar"/>. Empty text is <see cref="None"/>.</summary>
    /// <exception cref="FormatException">Names the fault that cannot be read and what would be right.</exception>
    public static GatewayFaults Parse(string text) =>
        TryParse(text, out var faults, out var error) ? faults : throw new FormatException(error);

    /// <summary>Reads the text form; <paramref name="error"/> is one sentence where it cannot be read, else empty.</summary>
    public static bool TryParse(string text, out GatewayFaults faults, out string error)
    {
        var all = new List<GatewayFault>();
        var seed = None.Seed;
        faults = None;
        error = "";
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var name = (equals < 0 ? part : part[..equals]).TrimEnd();
            var value = equals < 0 ? "" : part[(equals + 1)..].TrimStart();
            if (name == FaultNames.Seed)
            {
                if (!int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out seed)) error = $"Fault '{part}': seed takes a whole number.";
            }
            else if (FaultNames.KindOf(name) is not { } kind)
            {
                error = $"Unknown fault '{name}'; known are {string.Join(", ", FaultNames.Known)}.";
            }
            else if (all.Exists(fault => fault.Kind == kind))
            {
                error = $"Fault '{name}' is given twice.";
            }
            else if (GatewayFault.Read(kind, value) is { } fault)
            {
                all.Add(fault);
            }
            else
            {
                error = $"Fault '{part}' cannot be read; write {FaultNames.ExampleOf(kind)}.";
            }

            if (error.Length > 0) return false;
        }

        faults = new GatewayFaults(all, seed);
        return true;
    }

    /// <summary>The text form, which <see cref="Parse"/> reads back.</summary>
    public override string ToString() =>
        string.Join(',', All.Select(fault => fault.ToString()).Concat(Seed == None.Seed ? [] : [$"{FaultNames.Seed}={Seed}"]));
}

/// <summary>What can go wrong.</summary>
public enum FaultKind
{
    /// <summary>Waits before it answers.</summary>
    Latency,

    /// <summary>429 with Retry-After, without body, no effect.</summary>
    Throttle,

    /// <summary>5xx without body, no effect.</summary>
    Error,

    /// <summary>Signed UNKNOWN_EXCEPTION with status F, no effect.</summary>
    Unknown,

    /// <summary>Signed CONTENT_RISKY, no effect.</summary>
    Risky,

    /// <summary>Unsigned INVALID_SIGNATURE, whatever was sent; no effect.</summary>
    InvalidSignature,

    /// <summary>No answer until the caller gives up or the gateway stops, no effect.</summary>
    Hang,

    /// <summary>The connection is reset, no effect.</summary>
    Reset,

    /// <summary>The content is taken in, then the connection is reset.</summary>
    Lost,

    /// <summary>The content is taken in; the answer carries neither Signature nor Response-Time.</summary>
    Unsigned,

    /// <summary>The content is taken in; the answer is signed with a stranger's key.</summary>
    Forged,

    /// <summary>The content is taken in; the answer names a keyVersion that was never announced.</summary>
    UnknownKeyVersion,

    /// <summary>The content is taken in; the answer breaks off half-way.</summary>
    Truncated,
}

/// <summary>One way to misbehave, and how often.</summary>
public sealed record GatewayFault(FaultKind Kind)
{
    /// <summary>0 to 1; not used where <see cref="EveryNth"/> is set.</summary>
    public double Probability { get; init; } = 1;

    /// <summary>Every nth request exactly, the nth first; 0 for a probability.</summary>
    public int EveryNth { get; init; }

    /// <summary>Most times it happens; null for no limit.</summary>
    public int? MaxCount { get; init; }

    /// <summary>Latency: the wait. Throttle: the Retry-After, whole seconds.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Latency: up to this much more, evenly spread.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Error: the HTTP status.</summary>
    public int Status { get; init; } = 500;

    /// <summary>Reads what stands behind the equals sign; null where it cannot be read.</summary>
    internal static GatewayFault? Read(FaultKind kind, string value)
    {
        var fault = new GatewayFault(kind);
        var star = value.LastIndexOf('*');
        if (star >= 0)
        {
            if (!int.TryParse(value[(star + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return null;
            fault = fault with { MaxCount = count };
            value = value[..star];
        }

        var colon = value.IndexOf(':', StringComparison.Ordinal);
        var (rate, parameter) = colon < 0 ? (value, "") : (value[..colon], value[(colon + 1)..]);
        if (kind == FaultKind.Latency && colon < 0) (rate, parameter) = ("", value);
        return fault.WithRate(rate)?.WithParameter(parameter, required: kind == FaultKind.Latency || colon >= 0);
    }

    public override string ToString()
    {
        var text = new StringBuilder(FaultNames.NameOf(Kind)).Append('=');
        if (EveryNth > 0) text.Append(CultureInfo.InvariantCulture, $"1/{EveryNth}");
        else text.Append(CultureInfo.InvariantCulture, $"{Probability}");
        if (Kind == FaultKind.Latency) text.Append(CultureInfo.InvariantCulture, $":{Delay.TotalMilliseconds}ms+{Jitter.TotalMilliseconds}ms");
        if (Kind == FaultKind.Throttle) text.Append(CultureInfo.InvariantCulture, $":{Delay.TotalSeconds}s");
        if (Kind == FaultKind.Error) text.Append(CultureInfo.InvariantCulture, $":{Status}");
        if (MaxCount is { } count) text.Append(CultureInfo.InvariantCulture, $"*{count}");
        return text.ToString();
    }

    private GatewayFault? WithRate(string rate)
    {
        if (rate.Length == 0) return this;
        if (rate.StartsWith("1/", StringComparison.Ordinal))
        {
            return int.TryParse(rate[2..], NumberStyles.None, CultureInfo.InvariantCulture, out var nth) && nth > 0 ? this with { EveryNth = nth } : null;
        }

        return double.TryParse(rate, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var probability) && probability <= 1
            ? this with { Probability = probability }
            : null;
    }

    private GatewayFault? WithParameter(string parameter, bool required)
    {
        if (!required) return this;
        switch (Kind)
        {
            case FaultKind.Latency:
                var plus = parameter.IndexOf('+', StringComparison.Ordinal);
                var delay = Duration(plus < 0 ? parameter : parameter[..plus]);
                var jitter = plus < 0 ? TimeSpan.Zero : Duration(parameter[(plus + 1)..]);
                return delay is null || jitter is null ? null : this with { Delay = delay.Value, Jitter = jitter.Value };
            case FaultKind.Throttle:
                return Duration(parameter) is { } wait && wait.Ticks % TimeSpan.TicksPerSecond == 0 ? this with { Delay = wait } : null;
            case FaultKind.Error:
                return int.TryParse(parameter, NumberStyles.None, CultureInfo.InvariantCulture, out var status) && status is >= 500 and <= 599
                    ? this with { Status = status }
                    : null;
            default:
                return null;
        }
    }

    private static TimeSpan? Duration(string text)
    {
        var (digits, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1)
            : text.EndsWith('s') ? (text[..^1], 1_000)
            : ("", 0);
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount) && amount * unit <= 3_600_000
            ? TimeSpan.FromMilliseconds(amount * unit)
            : null;
    }
}

/// <summary>How the text form spells the faults.</summary>
internal static class FaultNames
{
    public const string Seed = "seed";

    private static readonly (FaultKind Kind, string Name, string Example)[] Spellings =
    [
        (FaultKind.Latency, "latency", "latency=50ms, latency=50ms+20ms (fixed and jitter) or latency=0.1:2s"),
        (FaultKind.Throttle, "throttle", "throttle=0.02:3s (share and whole seconds of Retry-After)"),
        (FaultKind.Error, "error", "error=0.02:503 (share and a status from 500 to 599)"),
        (FaultKind.Unknown, "unknown", "unknown=0.05"),
        (FaultKind.Risky, "risky", "risky=0.05"),
        (FaultKind.InvalidSignature, "badsignature", "badsignature=1"),
        (FaultKind.Hang, "hang", "hang=0.01"),
        (FaultKind.Reset, "reset", "reset=0.01"),
        (FaultKind.Lost, "lost", "lost=0.01"),
        (FaultKind.Unsigned, "unsigned", "unsigned=0.01"),
        (FaultKind.Forged, "forged", "forged=0.01"),
        (FaultKind.UnknownKeyVersion, "keyversion", "keyversion=0.01"),
        (FaultKind.Truncated, "truncated", "truncated=0.01"),
    ];

    public static IEnumerable<string> Known => Spellings.Select(spelling => spelling.Name).Append(Seed);

    public static FaultKind? KindOf(string name)
    {
        foreach (var spelling in Spellings)
        {
            if (spelling.Name == name) return spelling.Kind;
        }

        return null;
    }

    public static string NameOf(FaultKind kind) => Array.Find(Spellings, spelling => spelling.Kind == kind).Name;

    public static string ExampleOf(FaultKind kind) => Array.Find(Spellings, spelling => spelling.Kind == kind).Example;
}
