using GradAnalyzers.Models;
using Microsoft.CodeAnalysis.CSharp;
using Xunit;

namespace GradAnalyzers.Tests.Models;

/// <summary>Models are read with the files that may have to do with them, and with no others.</summary>
public sealed class FileGroupsTests
{
    [Fact]
    public void FilesThatMentionNothingOfOneAnotherAreReadByThemselves() =>
        Assert.False(AreTogether("class First { void Run() { } }", "class Second { void Walk() { var run = 1; System.Console.WriteLine(run); } }"));

    [Fact]
    public void AFileThatNamesATypeIsReadWithIt() =>
        Assert.True(AreTogether("class Net { }", "class Training { object net = new Net(); }"));

    [Fact]
    public void AFileThatCallsAMethodIsReadWithIt() =>
        Assert.True(AreTogether("static class Blocks { public static object Make(this int width) => width; }", "class Net { object block = 64.Make(); }"));

    [Fact]
    public void AnAliasStandsForItsType() =>
        Assert.True(AreTogether("class Encoder { }", "class Net { Part part = new(); }", "global using Part = Encoder;"));

    [Fact]
    public void FilesAreJoinedThroughOthers() =>
        Assert.True(AreTogether("class Inner { }", "class Outer { Middle middle; }", "class Middle { Inner inner; }"));

    [Fact]
    public void APartialClassIsOne() =>
        Assert.True(AreTogether("partial class Net { }", "partial class Net { }"));

    [Fact]
    public void OverridesOfTheLibrarysMethodsJoinNothing() =>
        Assert.False(AreTogether("class First : Base { public override int forward() => 1; }", "class Second { int Run(Base one) => one.forward(); }"));

    /// <summary>Whether the first two files are in one group.</summary>
    private static bool AreTogether(params string[] files)
    {
        var trees = files.Select(file => CSharpSyntaxTree.ParseText(file)).ToList();
        var groups = new FileGroups(CSharpCompilation.Create("Files", trees), CancellationToken.None);
        return groups.Of(trees[0]) == groups.Of(trees[1]);
    }
}
