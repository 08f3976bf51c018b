using System.Reflection;

namespace GradAnalyzers.Proofs;

/// <summary>Where things are.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    public static string Docs { get; } = Path.Combine(Root, "docs");

    public static string Page { get; } = Path.Combine(Docs, "proof.md");

    public static string Program(string name) => Read(Path.Combine(Root, "tests", "GradAnalyzers.Proofs", "Programs", name));

    public static string Read(string path) => File.ReadAllText(path).ReplaceLineEndings("\n");
}
