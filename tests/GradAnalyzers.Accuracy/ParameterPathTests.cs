using System.Collections.Immutable;
using System.Reflection;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using TorchSharp;
using Xunit;

namespace GradAnalyzers.Accuracy;

/// <summary>The names that the graph gives to parameters are those of the library: the same source is read, and run.</summary>
public sealed class ParameterPathTests
{
    private const string File = "Registered.cs";

    private static readonly ImmutableArray<ModelGraph> Graphs = Read();

    public static TheoryData<Type> Models { get; } = new(typeof(Networks.Registered.Fields).Assembly.GetTypes()
        .Where(type => type.Namespace == typeof(Networks.Registered.Fields).Namespace && !type.IsAbstract && type.IsPublic)
        .OrderBy(type => type.Name, StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Models))]
    public void PathsAreThoseOfNamedParameters(Type type)
    {
        using var model = (torch.nn.Module)Activator.CreateInstance(type)!;
        var graph = Assert.Single(Graphs, graph => graph.Name == type.Name);

        Assert.Equal(
            model.named_parameters().Select(parameter => parameter.name),
            graph.Parameters.Select(parameter => parameter.Path));
    }

    private static ImmutableArray<ModelGraph> Read()
    {
        using var reader = new StreamReader(Assembly.GetExecutingAssembly().GetManifestResourceStream(File)!);
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) is var file && (file.StartsWith("System.", StringComparison.Ordinal) || file is "TorchSharp.dll" or "netstandard.dll" or "mscorlib.dll"))
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(
            "Registered",
            [CSharpSyntaxTree.ParseText(reader.ReadToEnd(), path: File), CSharpSyntaxTree.ParseText("global using System; global using System.Collections.Generic; global using System.Linq;")],
            references,
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        return ModelGraphs.For(compilation, ModelCatalogue.For(compilation, new AnalyzerOptions(ImmutableArray<AdditionalText>.Empty))).All(CancellationToken.None);
    }
}
