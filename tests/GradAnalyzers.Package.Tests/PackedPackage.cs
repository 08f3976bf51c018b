using GradAnalyzers.Package.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(PackedPackage))]

namespace GradAnalyzers.Package.Tests;

/// <summary>
/// The package, packed once for all tests from a copy of the sources, under a version that nothing has in a cache.
/// Everything the tests write lies in one temporary folder, which goes with them.
/// </summary>
public sealed class PackedPackage : IAsyncLifetime
{
    private readonly string temporary = Directory.CreateTempSubdirectory("GradAnalyzers-").FullName;
    private int folders;

    public string Version { get; } = $"0.1.0-test.t{Guid.NewGuid():N}";

    /// <summary>The packed file.</summary>
    public string File { get; private set; } = "";

    /// <summary>The folder that holds it: the source that consumers add.</summary>
    public string Source => Path.GetDirectoryName(File)!;

    /// <summary>The folder that consumers restore to.</summary>
    public string RestoreFolder => Path.Combine(temporary, "packages");

    public async ValueTask InitializeAsync() => File = await Pack();

    public ValueTask DisposeAsync()
    {
        Directory.Delete(temporary, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A new folder, outside the repository and with no settings above it.</summary>
    public string NewFolder(string name) =>
        Directory.CreateDirectory(Path.Combine(temporary, $"{Interlocked.Increment(ref folders)}-{name}")).FullName;

    /// <summary>Packs from a fresh copy of the sources, so that nothing built before takes part; returns the packed file.</summary>
    public async Task<string> Pack()
    {
        var copy = NewFolder("sources");
        foreach (var file in Directory.EnumerateFiles(Setting.Repository).Where(file => Path.GetExtension(file) is not (".sln" or ".git")))
            System.IO.File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        Copy(new DirectoryInfo(Path.Combine(Setting.Repository, "src")), Path.Combine(copy, "src"));

        var packed = NewFolder("packed");
        var run = await Tool.DotNet(copy, "pack", "src/GradAnalyzers.Package", "--output", packed, $"-p:Version={Version}", "-p:NuGetAudit=false");
        run.Succeeded();
        return Path.Combine(packed, $"GradAnalyzers.{Version}.nupkg");
    }

    private static void Copy(DirectoryInfo from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in from.EnumerateFiles().Where(file => file.Extension != ".nupkg"))
            file.CopyTo(Path.Combine(to, file.Name));
        foreach (var folder in from.EnumerateDirectories().Where(folder => folder.Name is not ("bin" or "obj")))
            Copy(folder, Path.Combine(to, folder.Name));
    }
}
