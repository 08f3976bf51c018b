using GradAnalyzers.Catalogue;
using TorchSharp;
using Xunit;

namespace GradAnalyzers.Tests;

public sealed class LibraryTests
{
    public static TheoryData<string> Members { get; } = new(ModelCatalogue.BuiltInEntries.Select(entry => entry.Member));

    [Theory]
    [MemberData(nameof(Members))]
    public void EveryBuiltInNameExistsInTorchSharp(string member)
    {
        var library = typeof(torch).Assembly;
        var dot = member.LastIndexOf('.');
        Assert.True(
            Find(member) || library.GetTypes().Any(type => Name(type) == member[..dot] && type.GetMember(member[(dot + 1)..]).Length > 0),
            $"TorchSharp has no '{member}'");

        bool Find(string name) => library.GetTypes().Any(type => Name(type) == name);
        static string Name(Type type) => (type.FullName ?? "").Split('`')[0].Replace('+', '.');
    }
}
