using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Tests.Program;

/// <summary>Scripts (.csx), where a host runs analyzers over them: classes and methods are read; the compiler gives the statements at the top of a script no body that could be.</summary>
public sealed class ScriptTests
{
    private const string Usings = "using System; using System.Linq; using TorchSharp; using TorchSharp.Modules; using static TorchSharp.torch; using static TorchSharp.torch.nn;\n";

    [Fact]
    public Task AMethodOfAScript() => Reports("GRAD2003", """
        void Fit(Module<Tensor, Tensor> model, int epochs)
        {
            var optimizer = torch.optim.SGD(model.parameters(), 0.1);
            for (var i = 0; i < epochs; i++)
            {
                functional.mse_loss(model.call(randn(16, 4)), randn(16, 1)).backward();
                optimizer.step();
            }
        }
        Fit(Linear(4, 1), 10);
        """);

    [Fact]
    public Task AModelOfAScript() => Reports("GRAD1001", """
        class Deep : Module<Tensor, Tensor>
        {
            private readonly Sequential layers = Sequential(
                Linear(16, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 16), Sigmoid(), Linear(16, 2));
            public Deep() : base("deep") => RegisterComponents();
            public override Tensor forward(Tensor x) => layers.call(x);
        }
        var model = new Deep();
        var optimizer = torch.optim.Adam(model.parameters());
        for (var i = 0; i < 100; i++)
        {
            optimizer.zero_grad();
            functional.mse_loss(model.call(randn(16, 16)), randn(16, 2)).backward();
            optimizer.step();
        }
        """);

    [Fact]
    public Task AHealthyScriptIsSilent() => Reports(null, """
        var model = Sequential(("a", Linear(4, 8)), ("b", ReLU()), ("c", Linear(8, 1)));
        var optimizer = torch.optim.Adam(model.parameters());
        foreach (var epoch in Enumerable.Range(0, 10))
        {
            optimizer.zero_grad();
            var loss = functional.mse_loss(model.call(randn(16, 4)), randn(16, 1));
            loss.backward();
            optimizer.step();
            Console.WriteLine(loss.item<float>());
        }
        """);

    private static async Task Reports(string? expected, string script)
    {
        var tree = CSharpSyntaxTree.ParseText(Usings + script, new CSharpParseOptions(LanguageVersion.Latest, kind: SourceCodeKind.Script), "train.csx");
        var compilation = CSharpCompilation.CreateScriptCompilation("script", tree, Analyzed.Compile([]).References, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));

        var reports = await Analyzed.Reports(compilation, Analyzed.Rules, isConcurrent: false, CancellationToken.None);

        Assert.DoesNotContain("AD0001", reports);
        if (expected is null)
            Assert.Equal("", reports);
        else
            Assert.Contains(expected, reports);
    }
}
