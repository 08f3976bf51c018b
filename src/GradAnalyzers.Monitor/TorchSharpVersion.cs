using TorchSharp;

namespace GradAnalyzers.Monitor;

/// <summary>
/// The package has no dependency on TorchSharp, so that it never lifts or pins the version of a project that uses the analyzers alone.
/// What the monitor needs is therefore checked when it is used.
/// </summary>
internal static class TorchSharpVersion
{
    private static readonly Version Least = new(0, 107);

    public static void Require()
    {
        if (Problem(typeof(torch).Assembly.GetName().Version) is { } problem)
            throw new PlatformNotSupportedException(problem);
    }

    /// <summary>What to tell the user of a version; null where it is fine.</summary>
    public static string? Problem(Version? version) =>
        version is not null && version >= Least
            ? null
            : $"GradientMonitor needs TorchSharp {Least} or newer; this process has {version?.ToString(3) ?? "none"}. "
              + $"Update the package reference: dotnet add package TorchSharp-cpu --version {Least}.0. The analyzers themselves work with any version.";
}
