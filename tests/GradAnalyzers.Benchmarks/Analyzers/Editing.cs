using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>One character typed into a file of a project: the time until all diagnostics of that file are there, as an editor asks for them.</summary>
internal static class Editing
{
    private const int Edits = 50;

    public static void Run(string part)
    {
        // 60 models, every third with a trainer beside it, and 140 files that know nothing of them.
        var models = GeneratedModels.Models(600).Where((_, number) => number % 10 < 1).Take(20).Concat(GeneratedModels.Models(600).Where((_, number) => number % 10 is 3 or 7).Take(40)).ToList();
        var files = models.Select((text, number) => ($"Model{number}.cs", text)).Concat(GeneratedModels.PlainClasses(140).Select((text, number) => ($"Plain{number}.cs", text))).ToList();
        ImmutableArray<DiagnosticAnalyzer> idle = [new IdleAnalyzer()];
        var ours = WarmCompiler.Load(CompilerRun.Metadata("Analyzers"));
        Console.WriteLine($"{files.Count} files, 60 models, 20 trainers; milliseconds from an edit to all diagnostics of the file, over {Edits} edits; ours and an idle analyzer in turn.");
        Console.WriteLine();
        Console.WriteLine("| edited | idle, median | idle, p95 | ours, median | ours, p95 | p95 above idle |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|");
        foreach (var (name, file) in new[] { ("a file without models", "Plain7.cs"), ("a trainer", "Model5.cs"), ("a model", "Model30.cs") }.Where(edited => edited.Item1.Contains(part, StringComparison.Ordinal)))
        {
            var (nothing, all) = (new List<double>(), new List<double>());
            var (forIdle, forOurs) = (WarmCompiler.Compile(files), WarmCompiler.Compile(files));
            for (var edit = 0; edit < Edits + 5; edit++)
            {
                (forIdle, var one) = Edit(forIdle, file, edit, idle);
                (forOurs, var other) = Edit(forOurs, file, edit, ours);
                if (edit < 5)
                    continue;
                nothing.Add(one);
                all.Add(other);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {name} | {At(nothing, 0.5):0} | {At(nothing, 0.95):0} | {At(all, 0.5):0} | {At(all, 0.95):0} | {At(all, 0.95) - At(nothing, 0.95):0} |"));
        }
    }

    private static (CSharpCompilation Compilation, double Milliseconds) Edit(CSharpCompilation compilation, string file, int number, ImmutableArray<DiagnosticAnalyzer> analyzers)
    {
        var tree = compilation.SyntaxTrees.Single(candidate => candidate.FilePath == file);
        var text = tree.GetText();
        // A digit in the last number of the file's first method or forward.
        var place = text.ToString().LastIndexOf("return x", StringComparison.Ordinal);
        var edited = tree.WithChangedText(text.WithChanges(new Microsoft.CodeAnalysis.Text.TextChange(new(place, 0), number % 2 == 0 ? ";" : " ")));
        var watch = Stopwatch.StartNew();
        var next = compilation.ReplaceSyntaxTree(tree, edited);
        var options = new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), null, concurrentAnalysis: true, logAnalyzerExecutionTime: false);
        var driver = next.WithAnalyzers(analyzers, options);
        driver.GetAnalyzerSyntaxDiagnosticsAsync(edited, CancellationToken.None).GetAwaiter().GetResult();
        var reports = driver.GetAnalyzerSemanticDiagnosticsAsync(next.GetSemanticModel(edited), null, CancellationToken.None).GetAwaiter().GetResult();
        var time = watch.Elapsed.TotalMilliseconds;
        WarmCompiler.Demand(reports);
        return (next, time);
    }

    private static double At(List<double> values, double share) => values.Order().ElementAt((int)Math.Min(values.Count - 1, share * values.Count));
}
