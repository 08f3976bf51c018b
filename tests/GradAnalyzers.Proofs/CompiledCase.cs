using System.Runtime.Loader;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Proofs;

/// <summary>A case of the package's tests, compiled so that it runs.</summary>
internal static class CompiledCase
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "GradAnalyzers.Package.Tests", "Cases");

    public static Type[] Types(string file)
    {
        var source = File.ReadAllText(Path.Combine(Folder, file)).Replace("[|", "").Replace("|]", "");
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create(file,
            [CSharpSyntaxTree.ParseText(source), CSharpSyntaxTree.ParseText("global using System; global using System.Collections.Generic; global using System.Linq;")],
            references, new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary));
        using var image = new MemoryStream();
        var result = compilation.Emit(image);
        Assert.True(result.Success, string.Join("\n", result.Diagnostics));
        image.Position = 0;
        return new AssemblyLoadContext(file).LoadFromStream(image).GetTypes();
    }
}
