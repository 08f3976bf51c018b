using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;
using TorchSharp;
using Xunit;

namespace GradAnalyzers.Tests.Models;

/// <summary>C# source in, the graphs of its models out, each as text: a line a node.</summary>
internal static class ModelSource
{
    private const string Usings = """
        using System;
        using System.Collections.Generic;
        using System.Linq;
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;
        using F = TorchSharp.torch.nn.functional;

        """;

    private static readonly ImmutableArray<MetadataReference> Framework = ImmutableArray.CreateRange(
        Directory.GetFiles(typeof(ModelSource).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "ReferencePack").Value!, "*.dll")
            .Select(path => (MetadataReference)MetadataReference.CreateFromFile(path)));

    private static readonly MetadataReference Library = MetadataReference.CreateFromFile(typeof(torch).Assembly.Location);

    /// <summary>The models of a source that uses TorchSharp. Compile errors fail the test.</summary>
    public static ImmutableArray<ModelGraph> Graphs(string source) => Graphs(Compile(source));

    public static ImmutableArray<ModelGraph> Graphs(Compilation compilation, string? catalogue = null)
    {
        var files = catalogue is null ? ImmutableArray<AdditionalText>.Empty : ImmutableArray.Create<AdditionalText>(new TextFile("own.catalogue.txt", catalogue));
        return ModelGraphs.For(compilation, ModelCatalogue.For(compilation, new AnalyzerOptions(files))).All(CancellationToken.None);
    }

    /// <summary>The only graph of the class of this name.</summary>
    public static ModelGraph Graph(string source, string name = "Net") => Assert.Single(Graphs(source), graph => graph.Name == name);

    public static CSharpCompilation Compile(string source, bool allowErrors = false)
    {
        var hasProgram = CSharpSyntaxTree.ParseText(source).GetCompilationUnitRoot().Members.Any(member => member is Microsoft.CodeAnalysis.CSharp.Syntax.GlobalStatementSyntax);
        var compilation = CSharpCompilation.Create("Models", [CSharpSyntaxTree.ParseText(Usings + source, path: "Models.cs")], [.. Framework, Library],
            new CSharpCompilationOptions(hasProgram ? OutputKind.ConsoleApplication : OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true));
        if (!allowErrors)
            Assert.Empty(compilation.GetDiagnostics(TestContext.Current.CancellationToken).Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return compilation;
    }

    /// <summary>A compilation without TorchSharp, with a library of the given source as a reference.</summary>
    public static CSharpCompilation CompileWithout(string source, string library)
    {
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary);
        var referenced = CSharpCompilation.Create("Acme", [CSharpSyntaxTree.ParseText(library)], Framework, options);
        using var image = new MemoryStream();
        Assert.Empty(referenced.Emit(image).Diagnostics.Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        image.Position = 0;
        var compilation = CSharpCompilation.Create("Models", [CSharpSyntaxTree.ParseText(source, path: "Models.cs")], [.. Framework, MetadataReference.CreateFromStream(image)], options);
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error));
        return compilation;
    }

    /// <summary>
    /// A line a node: role, path, inputs where they are not just the node before, sizes where asked for; the reason of an opaque node; the output where it is not the last node.
    /// </summary>
    public static string Dump(ModelGraph graph, params string[] meanings)
    {
        var text = new StringBuilder();
        foreach (var node in graph.Nodes)
        {
            var index = node.Index;
            text.Append(index).Append(' ').Append(node.Role);
            if (node.Path is { Length: > 0 } path)
                text.Append(' ').Append(path);
            if (!node.Inputs.SequenceEqual(index == 0 ? [] : [index - 1]))
                text.Append('(').AppendJoin(", ", node.Inputs).Append(')');
            foreach (var meaning in meanings)
            {
                if (node.Constants.TryGetValue(meaning, out var constant))
                    text.Append(' ').Append(meaning).Append('=').Append(constant);
            }

            if (node.Reason is { } reason)
                text.Append(": ").Append(reason);
            text.Append('\n');
        }

        if (graph.Output != graph.Nodes.Length - 1)
            text.Append("output ").Append(graph.Output).Append('\n');
        return text.ToString().TrimEnd('\n');
    }

    /// <summary>The paths of all parameters that TorchSharp would list, in its order.</summary>
    public static IEnumerable<string> Parameters(ModelGraph graph) =>
        graph.Layers.Where(layer => layer.Registration == Registration.Registered).SelectMany(layer => layer.Parameters).Select(parameter => parameter.Path);

    private sealed class TextFile(string path, string content) : AdditionalText
    {
        public override string Path { get; } = path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(content);
    }
}
