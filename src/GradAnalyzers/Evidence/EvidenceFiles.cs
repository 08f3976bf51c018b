using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace GradAnalyzers.Evidence;

/// <summary>
/// The evidence files of a project: additional files named <c>*.gradients.csv</c>. A text is read once, however many compilations have it. Two are equal where their texts are, so that they can be part of a key.
/// </summary>
internal sealed class EvidenceFiles : IEquatable<EvidenceFiles>
{
    /// <summary>More are left over from somewhere.</summary>
    private const int MostFiles = 64;

    private static readonly ConditionalWeakTable<AnalyzerOptions, EvidenceFiles> ByOptions = new();
    private static readonly ConditionalWeakTable<SourceText, Parsed> ByText = new();

    private readonly ulong _signature;

    private EvidenceFiles(ulong signature, ImmutableArray<MeasuredRun> runs, ImmutableArray<(AdditionalText, EvidenceError)> errors) => (_signature, Runs, Errors) = (signature, runs, errors);

    /// <summary>No file.</summary>
    public static EvidenceFiles None { get; } = new(0, ImmutableArray<MeasuredRun>.Empty, ImmutableArray<(AdditionalText, EvidenceError)>.Empty);

    /// <summary>What was measured, in the order of the files' paths.</summary>
    public ImmutableArray<MeasuredRun> Runs { get; }

    public ImmutableArray<(AdditionalText File, EvidenceError Error)> Errors { get; }

    public static EvidenceFiles Of(AnalyzerOptions options)
    {
        if (ByOptions.TryGetValue(options, out var known))
            return known;
        var files = options.AdditionalFiles.Where(file => file.Path.EndsWith(EvidenceText.FileSuffix, StringComparison.OrdinalIgnoreCase)).GroupBy(file => file.Path, StringComparer.Ordinal).Select(same => same.First()).OrderBy(file => file.Path, StringComparer.Ordinal).ToImmutableArray();
        return ByOptions.GetValue(options, _ => files.IsEmpty ? None : Read(files));
    }

    private static EvidenceFiles Read(ImmutableArray<AdditionalText> files)
    {
        var runs = ImmutableArray.CreateBuilder<MeasuredRun>();
        var errors = ImmutableArray.CreateBuilder<(AdditionalText, EvidenceError)>();
        var signature = StableHash.Seed;
        foreach (var file in files.Take(MostFiles))
        {
            if (file.GetText() is not { } text)
                continue;
            var parsed = ByText.GetValue(text, static key => new Parsed(key));
            signature = StableHash.With(StableHash.With(signature, file.Path), parsed.Signature);
            errors.AddRange(parsed.Errors.Select(error => (file, error)));
            if (parsed.Run is { } run)
                runs.Add(run with { File = Path.GetFileName(file.Path) });
        }

        if (files.Length > MostFiles)
            errors.Add((files[MostFiles], new EvidenceError(default, $"there are {files.Length} evidence files; {MostFiles} are read, in the order of their names. Remove those of old runs")));
        return new EvidenceFiles(signature, runs.ToImmutable(), errors.ToImmutable());
    }

    public bool Equals(EvidenceFiles? other) => other is not null && other._signature == _signature;

    public override bool Equals(object? obj) => Equals(obj as EvidenceFiles);

    public override int GetHashCode() => _signature.GetHashCode();

    /// <summary>What a text says.</summary>
    private sealed class Parsed
    {
        public Parsed(SourceText text)
        {
            (Run, Errors) = EvidenceText.Parse(text);
            // Of a text that is refused for its size nothing is computed.
            Signature = Run is null ? (ulong)text.Length : text.GetChecksum().Aggregate(StableHash.Seed, (hash, one) => StableHash.With(hash, one));
        }

        public MeasuredRun? Run { get; }

        public ImmutableArray<EvidenceError> Errors { get; }

        public ulong Signature { get; }
    }
}
