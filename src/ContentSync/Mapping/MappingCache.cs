using System.Collections.Concurrent;
using ContentSync.Content;
using Microsoft.Extensions.DependencyInjection;

namespace ContentSync.Mapping;

/// <summary>Keeps loaded mappings for a while, because loading compiles expressions and reads look-up tables. Thread-safe.</summary>
/// <param name="store">Where mappings come from.</param>
/// <param name="time">Ages what was loaded.</param>
public sealed class MappingCache(IMappingStore store, [FromKeyedServices(Clocks.Wall)] TimeProvider time)
{
    /// <summary>A changed mapping is used after at most this time.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(30);

    /// <summary>Names come from callers, so their number is bounded.</summary>
    private const int MaxMappings = 100;

    private readonly ConcurrentDictionary<string, Loaded> _loaded = new(StringComparer.Ordinal);

    /// <summary>Finds a mapping.</summary>
    /// <returns>The mapping, or what is wrong with the name.</returns>
    /// <exception cref="MappingException">The mapping cannot be used until it is corrected.</exception>
    /// <exception cref="IOException">The mapping cannot be read now.</exception>
    public async ValueTask<MappingLookup> FindAsync(string name, CancellationToken cancellationToken)
    {
        if (!MappingName.IsValid(name)) return new(null, $"'{Excerpt.Of(name)}' is not the name of a mapping; a name has {MappingName.Expected}.");
        if (_loaded.TryGetValue(name, out var loaded) && time.GetElapsedTime(loaded.At) < MaxAge) return new(loaded.Mapping, null);
        if (await store.FindAsync(name, cancellationToken).ConfigureAwait(false) is not { } mapping)
            return new(null, $"There is no mapping '{name}': no file {name}{MappingName.FileSuffix} in {store.Place}.");
        if (_loaded.Count >= MaxMappings) _loaded.Clear();
        _loaded[name] = new Loaded(mapping, time.GetTimestamp());
        return new(mapping, null);
    }

    private sealed record Loaded(CatalogMapping Mapping, long At);
}

/// <summary>What was found under a name.</summary>
/// <param name="Mapping">Null if there is a fault.</param>
/// <param name="Fault">What is wrong with the name; null if there is a mapping.</param>
public readonly record struct MappingLookup(CatalogMapping? Mapping, string? Fault);
