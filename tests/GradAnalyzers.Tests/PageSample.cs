using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;

namespace GradAnalyzers.Tests;

/// <summary>
/// Code of a page, in a program: statements in a method, where they find a recurrent <c>model</c>, its <c>optimizer</c>, the tensors <c>input</c> and <c>target</c>
/// and <c>batches</c> of them unless they declare these themselves, or whole classes. Carets in a comment mark what is reported in the line above;
/// where they touch the slashes, these count too: <c>//^^^</c>.
/// </summary>
internal sealed partial record PageSample(string Text, IReadOnlyList<PageSample.Span> Marks)
{
    /// <summary>Statements stand as deep as a formatter puts them.</summary>
    private const string Indentation = "        ";

    /// <summary>The rules on models speak of programs that train.</summary>
    private const string Trained = "public static class Training { public static void Step(Tensor loss) => loss.backward(); }";

    private static readonly (string Name, string Value)[] Given = [("model", "new CharRnn()"), ("optimizer", "torch.optim.Adam(model.parameters())")];

    /// <summary>What was measured of its model, as an evidence file; null where nothing was.</summary>
    public string? Evidence { get; init; }

    public static PageSample Parse(string sample, string? evidence = null)
    {
        var (lines, marks) = (new List<string>(), new List<Span>());
        foreach (var line in sample.TrimEnd('\n').Split('\n'))
        {
            if (CaretLine().IsMatch(line))
                marks.AddRange(Carets().Matches(line).Select(carets => new Span(lines.Count, carets.Index + 1, lines[^1].Substring(carets.Index, carets.Length))));
            else
                lines.Add(line);
        }

        return new(string.Join('\n', lines) + "\n", marks) { Evidence = evidence };
    }

    /// <summary>What is reported in the sample.</summary>
    public async Task<IEnumerable<Span>> Reports(string id) =>
        from report in await Program.Reports(id)
        let start = report.Location.GetLineSpan().StartLinePosition
        let text = report.Location.SourceTree!.GetText().ToString(report.Location.SourceSpan)
        orderby report.Location.SourceSpan
        select new Span(start.Line + 1 - Before.Count(character => character == '\n'), start.Character + 1 - (IsClass ? 0 : Indentation.Length), text);

    /// <summary>The reports as a build prints them: <c>warning GRAD2001: ...</c>.</summary>
    public async Task<IEnumerable<string>> Messages(string id) =>
        from report in await Program.Reports(id)
        orderby report.Location.SourceSpan
        select $"{(report.Severity == DiagnosticSeverity.Info ? "info" : "warning")} {id}: {report.GetMessage(CultureInfo.InvariantCulture)}";

    /// <summary>The sample with all its reports fixed.</summary>
    public async Task<string> Fixed(string id)
    {
        var program = await Program.Fixed(id);
        var body = program[Before.Length..^After.Length];
        return IsClass ? body : string.Join('\n', body.Split('\n').Select(line => line.StartsWith(Indentation, StringComparison.Ordinal) ? line[Indentation.Length..] : line));
    }

    private FixedProgram Program => FixedProgram.OnTorchSharp(Before + Body + After) with { Files = Evidence is null ? [] : [("Net.gradients.csv", Evidence)] };

    private bool IsClass => ClassDeclaration().IsMatch(Text);

    private string Before => IsClass ? "" : $$"""
        public static class Page
        {
            public static void Sample(Tensor input, Tensor target, (Tensor Input, Tensor Target)[] batches)
            {
                {{string.Join(' ', Given.Where(one => !Regex.IsMatch(Text, $@"\b(var|Optimizer|Module<.*?>) {one.Name}\b")).Select(one => $"var {one.Name} = {one.Value};"))}}

        """;

    private string Body => IsClass ? Text : string.Concat(Text.TrimEnd('\n').Split('\n').Select(line => line.Length > 0 ? Indentation + line + '\n' : "\n"));

    private string After => IsClass ? Trained : """
            }
        }
        """;

    [GeneratedRegex(@"\bclass \w")]
    private static partial Regex ClassDeclaration();

    [GeneratedRegex(@"^ *//[ ^]*\^[ ^]*$")]
    private static partial Regex CaretLine();

    [GeneratedRegex(@"(//)?\^+")]
    private static partial Regex Carets();

    /// <summary>A place in the sample: line and column, counted from one, and what stands there.</summary>
    public readonly record struct Span(int Line, int Column, string Text);
}
