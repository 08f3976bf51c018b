namespace GradAnalyzers.Monitor.Tests;

/// <summary>On a system whose C++ library is too old, TorchSharp blames a missing package; the monitor says what it is.</summary>
public sealed class NativeLibraryTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("GradAnalyzers-").FullName;

    /// <summary>What TorchSharp throws, as its own code words it.</summary>
    private static readonly Exception Blaming = new TypeInitializationException("TorchSharp.torch", new NotSupportedException(
        "This application or script uses TorchSharp but doesn't contain a reference to libtorch-cpu-linux-x64, Version=2.7.1."));

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void AnOldLibraryIsNamedWithWhatToSet()
    {
        var problem = TorchSharpVersion.LoadProblem(Blaming, [Path.Combine(folder, "missing.so"), Library("GLIBCXX_3.4.30\0GLIBCXX_3.4.31\0")]);

        Assert.NotNull(problem);
        Assert.Contains("libstdc++.so.6' is older than GCC 13's", problem);
        Assert.Contains("<GradAnalyzersNativeHelp>true</GradAnalyzersNativeHelp>", problem);
    }

    [Fact]
    public void WithANewLibraryTorchSharpsOwnWordsStand() => Assert.Null(TorchSharpVersion.LoadProblem(Blaming, [Library("GLIBCXX_3.4.31\0GLIBCXX_3.4.32\0")]));

    [Fact]
    public void AnotherFailureIsNotExplained() => Assert.Null(TorchSharpVersion.LoadProblem(new InvalidOperationException("something else"), [Library("GLIBCXX_3.4.30\0")]));

    [Fact]
    public void WhereNoLibraryIsFoundNothingIsClaimed() => Assert.Null(TorchSharpVersion.LoadProblem(Blaming, [Path.Combine(folder, "missing.so")]));

    private string Library(string symbols)
    {
        var path = Path.Combine(folder, "libstdc++.so.6");
        File.WriteAllText(path, "\u007FELF " + symbols);
        return path;
    }
}
