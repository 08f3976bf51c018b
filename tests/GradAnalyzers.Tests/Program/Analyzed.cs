using System.Collections.Immutable;
using GradAnalyzers.Tests.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Tests.Program;

/// <summary>A program of several files with faults of every family, and what all rules report about it.</summary>
internal static class Analyzed
{
    private static readonly CSharpCompilation Empty = ModelSource.Compile("class Nothing { }");

    public static ImmutableArray<DiagnosticAnalyzer> Rules { get; } = typeof(Rule).Assembly.GetTypes().Where(type => !type.IsAbstract && typeof(Rule).IsAssignableFrom(type))
        .OrderBy(type => type.FullName, StringComparer.Ordinal).Select(type => (DiagnosticAnalyzer)Activator.CreateInstance(type)!).ToImmutableArray();

    /// <summary>Models and trainers: recurrent and unclipped, a stack of sigmoids, shared trainers, a loop that never clears, factories, callers several calls away, a tensor that is no parameter, a root.</summary>
    public static ImmutableArray<(string Path, string Text)> Files { get; } = ImmutableArray.Create(
        ("Usings.cs", Code.Usings),
        ("Char.cs", """
            sealed class CharModel : Module<Tensor, Tensor>
            {
                private readonly TorchSharp.Modules.LSTM rnn = LSTM(8, 16);
                private readonly TorchSharp.Modules.Linear head = Linear(16, 8);
                public CharModel() : base("char") => RegisterComponents();
                public override Tensor forward(Tensor x) => head.forward(rnn.call(x).Item1);
            }
            """),
        ("Deep.cs", """
            sealed class DeepModel : Module<Tensor, Tensor>
            {
                private readonly TorchSharp.Modules.Sequential body;
                public DeepModel(int depth) : base("deep")
                {
                    var layers = new List<Module<Tensor, Tensor>>();
                    for (var i = 0; i < depth; i++) { layers.Add(Linear(32, 32)); layers.Add(Sigmoid()); }
                    body = Sequential(layers);
                    RegisterComponents();
                }
                public override Tensor forward(Tensor x) => body.forward(x);
            }
            """),
        ("Fit.cs", """
            static class Fit
            {
                public static void Run(Module<Tensor, Tensor> model, Tensor x, Tensor y, int epochs)
                {
                    var optimizer = torch.optim.Adam(model.parameters());
                    for (var epoch = 0; epoch < epochs; epoch++)
                    {
                        optimizer.zero_grad();
                        torch.nn.functional.mse_loss(model.forward(x), y).backward();
                        optimizer.step();
                    }
                }

                public static void Careless(Module<Tensor, Tensor> model, Tensor x, Tensor y)
                {
                    var optimizer = torch.optim.SGD(model.parameters(), 0.1);
                    for (var epoch = 0; epoch < 9; epoch++)
                    {
                        torch.nn.functional.mse_loss(model.forward(x), y).backward();
                        optimizer.step();
                    }
                }
            }
            """),
        ("Jobs.cs", """
            interface IJob { void Do(Tensor x, Tensor y); }
            sealed class CharJob : IJob { public void Do(Tensor x, Tensor y) => Fit.Run(new CharModel(), x, y, 3); }
            sealed class DeepJob(int depth) : IJob { public void Do(Tensor x, Tensor y) { var model = new DeepModel(depth); Fit.Run(model, x, y, 5); } }
            static class Jobs
            {
                public static IJob Make(string name) => name == "char" ? new CharJob() : new DeepJob(9);
                public static void All(Tensor x, Tensor y) { foreach (var name in new[] { "char", "deep" }) Make(name).Do(x, y); Round(x, y, 3); }
                static void Round(Tensor x, Tensor y, int left) { if (left > 0) { Fit.Careless(new DeepModel(10), x, y); Again(x, y, left - 1); } }
                static void Again(Tensor x, Tensor y, int left) => Round(x, y, left);
            }
            """),
        ("Scaled.cs", """
            sealed partial class Scaled : Module<Tensor, Tensor>
            {
                private readonly Tensor scale = torch.ones(8, requires_grad: true);
                private readonly TorchSharp.Modules.Linear inner = Linear(8, 8);
                public Scaled() : base("scaled") => RegisterComponents();
            }
            """),
        ("Scaled.Forward.cs", """
            partial class Scaled
            {
                public override Tensor forward(Tensor x)
                {
                    var h = inner.forward(x) * scale;
                    return h / h.pow(2).sum(1, keepdim: true).sqrt();
                }
            }
            """));

    public static SyntaxTree Parse(string path, string text) => CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Latest), path);

    public static CSharpCompilation Compile(IEnumerable<SyntaxTree> trees) => Empty.RemoveAllSyntaxTrees().AddSyntaxTrees(trees);

    public static CSharpCompilation Fresh(IEnumerable<(string Path, string Text)> files) => Compile(files.Select(file => Parse(file.Path, file.Text)));

    /// <summary>All reports, a line each.</summary>
    public static async Task<string> Reports(CSharpCompilation compilation, IEnumerable<DiagnosticAnalyzer> rules, bool isConcurrent, CancellationToken cancellation)
    {
        var options = new CompilationWithAnalyzersOptions(new AnalyzerOptions([]), null, isConcurrent, logAnalyzerExecutionTime: false);
        var reports = await compilation.WithAnalyzers(rules.ToImmutableArray(), options).GetAnalyzerDiagnosticsAsync(cancellation);
        return string.Join('\n', reports.Select(report => $"{report} [{string.Join(", ", report.AdditionalLocations)}]").Order(StringComparer.Ordinal));
    }
}
