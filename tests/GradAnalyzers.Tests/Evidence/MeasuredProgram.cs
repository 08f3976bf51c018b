using System.Globalization;
using System.Text;
using Microsoft.CodeAnalysis;
using Xunit;

namespace GradAnalyzers.Tests.Evidence;

/// <summary>A program with evidence files beside it. <c>[|...|]</c> marks what is to be reported.</summary>
internal sealed record MeasuredProgram(string Code, params (string Path, string Text)[] Files)
{
    public const string Header = "parameter,verdict,first_step,last_step,observations,missing,norm_first,norm_median,norm_last,mean_absolute,maximum,zero_share,non_finite,update_ratio,elements,alerts,relative,predicted";

    /// <summary>An evidence file as the monitor writes it.</summary>
    public static string File(string model, params string[] rows) =>
        $"# GradAnalyzers gradient evidence, version 1, model {model}, steps 1000, observations 100\n{Header}\n{string.Concat(rows.Select(row => row + "\n"))}";

    /// <summary>A row of it.</summary>
    public static string Row(string parameter, string verdict, double norm, double? predicted = null, double zeroShare = 0) => string.Join(',', parameter, verdict, "10", "1000", "100", "0",
        Number(norm), Number(norm), Number(norm), Number(norm / 100), Number(norm), Number(zeroShare), "0", "", "64", verdict is "healthy" or "unknown" or "frozen" ? "" : verdict, Number(norm), predicted is { } known ? Number(known) : "");

    private static string Number(double value) => value.ToString("G7", CultureInfo.InvariantCulture);

    /// <summary>The rule reports exactly the marked places.</summary>
    public async Task Reports(string id)
    {
        var (source, marks) = Parse(Code);
        var reports = await Program(source).Reports(id);
        Assert.Equal(marks, reports.Where(report => report.Location.IsInSource).Select(report => report.Location.SourceSpan).OrderBy(span => span.Start).Select(span => (span.Start, source.Substring(span.Start, span.Length))));
    }

    public async Task IsSilent(string id) => Assert.Empty(await Program(Parse(Code).Source).Reports(id));

    public async Task<string[]> Messages(string id) =>
        [.. (await Program(Parse(Code).Source).Reports(id)).OrderBy(report => report.Location.SourceSpan).Select(report => report.GetMessage(CultureInfo.InvariantCulture))];

    /// <summary>The lines of evidence files that are reported, from one.</summary>
    public async Task<int[]> Lines() =>
        [.. (await Program(Parse(Code).Source).Reports("GRAD0001")).Select(report => report.Location.GetLineSpan().StartLinePosition.Line + 1).Order()];

    public Task<string[]> Offers(string id) => Program(Parse(Code).Source).Offers(id);

    public Task<string> Fixed(string id) => Program(Parse(Code).Source).Fixed(id);

    private FixedProgram Program(string source) => FixedProgram.OnTorchSharp(source) with { Files = Files };

    private static (string Source, (int, string)[] Marks) Parse(string code)
    {
        code = code.ReplaceLineEndings("\n");
        var (text, marks, start) = (new StringBuilder(), new List<(int, string)>(), 0);
        for (var at = 0; at < code.Length; at++)
        {
            if (string.CompareOrdinal(code, at, "[|", 0, 2) == 0)
                (start, at) = (text.Length, at + 1);
            else if (string.CompareOrdinal(code, at, "|]", 0, 2) == 0)
                (_, at) = (0, at + 1);
            else
                text.Append(code[at]);
            if (at > 0 && code[at] == ']' && code[at - 1] == '|')
                marks.Add((start, text.ToString(start, text.Length - start)));
        }

        return (text.ToString(), [.. marks]);
    }
}
