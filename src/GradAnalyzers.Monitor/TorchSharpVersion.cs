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
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception e) when (OperatingSystem.IsLinux() && LoadProblem(e, CppLibraries()) is not null)
        {
            throw new PlatformNotSupportedException(LoadProblem(e, CppLibraries()), e);
        }
    }

    /// <summary>What to tell the user where TorchSharp's native part does not load, for which it blames a missing package; null where the C++ library is not the reason.</summary>
    /// <param name="failure">What TorchSharp threw.</param>
    /// <param name="libraries">The C++ libraries that a process may find; the first one there is counts.</param>
    public static string? LoadProblem(Exception failure, IEnumerable<string> libraries)
    {
        var isLoading = Causes(failure).Any(cause => cause is DllNotFoundException or BadImageFormatException || (cause is NotSupportedException && cause.Message.Contains("libtorch", StringComparison.Ordinal)));
        return isLoading && libraries.FirstOrDefault(File.Exists) is { } library && File.ReadAllBytes(library).AsSpan().IndexOf("GLIBCXX_3.4.32"u8) < 0
            ? $"TorchSharp cannot load: '{library}' is older than GCC 13's, which it needs (GLIBCXX_3.4.32); no package is missing. "
              + "Set <GradAnalyzersNativeHelp>true</GradAnalyzersNativeHelp> in the project of the program and build it again, or run it on Debian 13, Ubuntu 24.04 or newer."
            : null;
    }

    private static IEnumerable<string> CppLibraries() =>
        (Environment.GetEnvironmentVariable("LD_LIBRARY_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
        .Concat(["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"]).Select(folder => Path.Combine(folder, "libstdc++.so.6"));

    private static IEnumerable<Exception> Causes(Exception failure)
    {
        for (Exception? current = failure; current is not null; current = current.InnerException)
            yield return current;
    }

    /// <summary>What to tell the user of a version; null where it is fine.</summary>
    public static string? Problem(Version? version) =>
        version is not null && version >= Least
            ? null
            : $"GradientMonitor needs TorchSharp {Least} or newer; this process has {version?.ToString(3) ?? "none"}. "
              + $"Update the package reference: dotnet add package TorchSharp-cpu --version {Least}.0. The analyzers themselves work with any version.";
}
