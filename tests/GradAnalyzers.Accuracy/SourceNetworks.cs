using System.Collections.Immutable;
using System.Reflection;
using GradAnalyzers.Catalogue;
using GradAnalyzers.GradientFlow;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;

namespace GradAnalyzers.Accuracy;

/// <summary>The networks as the analyzer reads them: the same files that are compiled into this assembly, and the expressions that create each network.</summary>
internal sealed class SourceNetworks
{
    private const int CreationsOfAMethod = 40;

    private readonly Dictionary<string, ModelGraph> graphs = new(StringComparer.Ordinal);

    private SourceNetworks(IEnumerable<ModelGraph> all)
    {
        foreach (var graph in all)
            if (graph.Creation is { SourceTree: { } tree } creation)
                graphs.TryAdd(tree.GetText().ToString(creation.SourceSpan), graph);
    }

    public static SourceNetworks Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var sources = assembly.GetManifestResourceNames().Select(name =>
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return CSharpSyntaxTree.ParseText(reader.ReadToEnd(), path: name);
        });
        // Several methods: what one method makes shares one budget.
        var methods = Cases.All.Concat(Cases.BehindUnknown).Select(network => network.Name).Distinct().Chunk(CreationsOfAMethod)
            .Select((codes, index) => $"    static void Make{index}()\n    {{\n{string.Join("\n", codes.Select(code => $"        _ = {code};"))}\n    }}");
        var program = CSharpSyntaxTree.ParseText($"using GradAnalyzers.Accuracy.Networks;\nstatic class Program\n{{\n    static void Main() {{ }}\n{string.Join("\n", methods)}\n}}", path: "Program.cs");
        var usings = CSharpSyntaxTree.ParseText("global using System; global using System.Collections.Generic; global using System.Linq;", path: "Usings.cs");
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var file && (file.StartsWith("System.", StringComparison.Ordinal) || file is "TorchSharp.dll" or "netstandard.dll" or "mscorlib.dll"))
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create("Networks", [.. sources, program, usings], references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        var errors = compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error).ToList();
        if (errors.Count > 0)
            throw new InvalidOperationException("The networks do not compile as text:\n" + string.Join("\n", errors));
        var catalogue = ModelCatalogue.For(compilation, new AnalyzerOptions(ImmutableArray<AdditionalText>.Empty));
        return new(ModelGraphs.For(compilation, catalogue).All(CancellationToken.None));
    }

    /// <summary>The network as read from source, with the loss and batch that it is measured with; null where no model was found for its creation.</summary>
    public Network? Find(Case network) => graphs.TryGetValue(network.Name, out var graph)
        // Every output has a loss in the measurement.
        ? GraphNetwork.Of(graph with { UsesOfOutputs = graph.Outputs.Select(_ => OutputUse.Loss).ToImmutableArray() }, network.Loss) with { Assumptions = network.Assumptions }
        : null;
}
