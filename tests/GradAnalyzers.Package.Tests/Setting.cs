using System.Reflection;

namespace GradAnalyzers.Package.Tests;

/// <summary>What the build of these tests knows and their run needs.</summary>
internal static class Setting
{
    /// <summary>The root of this repository.</summary>
    public static string Repository { get; } = Get("Repository");

    /// <summary>The machine's folder of restored packages; the consumers read from it and never write to it.</summary>
    public static string PackageFolder { get; } = Get("PackageFolder");

    public static string TorchSharpVersion { get; } = Get("TorchSharpVersion");

    private static string Get(string key) =>
        typeof(Setting).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(attribute => attribute.Key == key).Value!;
}
