using System.IO.Compression;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace GradAnalyzers.Package.Tests;

public sealed class PackageContentTests(PackedPackage package)
{
    [Fact]
    public void ThePackageHoldsExactlyTheseFiles()
    {
        using var archive = ZipFile.OpenRead(package.File);

        Assert.Equal(
            [
                "GradAnalyzers.nuspec",
                "README.md",
                "[Content_Types].xml",
                "_rels/.rels",
                "analyzers/dotnet/cs/GradAnalyzers.CodeFixes.dll",
                "analyzers/dotnet/cs/GradAnalyzers.dll",
                "build/GradAnalyzers.targets",
                "build/NativeTorch.targets",
                "build/native-torch.sh",
                "buildTransitive/GradAnalyzers.targets",
                "buildTransitive/NativeTorch.targets",
                "buildTransitive/native-torch.sh",
                "catalogues/TensorFlow.NET.catalogue.txt",
                "icon.png",
                "lib/net8.0/GradAnalyzers.Monitor.dll",
                "lib/net8.0/GradAnalyzers.Monitor.xml",
                "lib/netstandard2.0/_._",
                "package/services/metadata/core-properties/nuget.psmdcp",
                "presets/all.errors.globalconfig",
                "presets/all.globalconfig",
                "presets/minimum.errors.globalconfig",
                "presets/minimum.globalconfig",
                "presets/recommended.errors.globalconfig",
                "presets/recommended.globalconfig",
            ],
            archive.Entries.Select(entry => entry.FullName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void TheManifestNamesTheLicenceAndTheReadmeAndNoDependency()
    {
        using var archive = ZipFile.OpenRead(package.File);
        var metadata = XDocument.Load(archive.GetEntry("GradAnalyzers.nuspec")!.Open()).Root!.Elements().Single();

        Assert.Equal("GradAnalyzers", Value("id"));
        Assert.Equal("MIT", Value("license"));
        Assert.Equal("README.md", Value("readme"));
        Assert.Equal("icon.png", Value("icon"));
        Assert.StartsWith("The first version.", Value("releaseNotes"));
        Assert.DoesNotContain("## ", Value("releaseNotes"));
        Assert.Equal("https://github.com/GradAnalyzers/GradAnalyzers", metadata.Elements().Single(element => element.Name.LocalName == "repository").Attribute("url")!.Value);
        Assert.DoesNotContain(metadata.Descendants(), element => element.Name.LocalName is "dependency" or "frameworkAssembly");

        string Value(string name) => metadata.Elements().Single(element => element.Name.LocalName == name).Value;
    }

    [Fact]
    public void ThePackedReadmeIsThatOfTheRepositoryAndEveryLinkInItIsAnAddress()
    {
        using var archive = ZipFile.OpenRead(package.File);
        using var reader = new StreamReader(archive.GetEntry("README.md")!.Open());
        var packed = reader.ReadToEnd().ReplaceLineEndings("\n");
        var source = File.ReadAllText(Path.Combine(Setting.Repository, "README.md")).ReplaceLineEndings("\n");

        Assert.Equal(source.TrimEnd(), packed.Replace("](https://github.com/GradAnalyzers/GradAnalyzers/blob/main/", "](").TrimEnd());
        var links = Regex.Matches(packed, @"\]\((?<target>[^)]*)\)").Select(link => link.Groups["target"].Value).ToArray();
        Assert.NotEmpty(links);
        Assert.All(links, link => Assert.StartsWith("https://", link));
    }

    [Fact]
    public async Task PackingTheSameSourcesAgainGivesTheSameBytes()
    {
        var again = await package.Pack();

        Assert.Equal(await File.ReadAllBytesAsync(package.File, TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(again, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void SymbolsAreEmbeddedAndNameNoFolderOfTheBuildMachine()
    {
        using var archive = ZipFile.OpenRead(package.File);
        var assemblies = archive.Entries.Where(entry => entry.Name.EndsWith(".dll", StringComparison.Ordinal)).ToArray();

        Assert.NotEmpty(assemblies);
        Assert.All(assemblies, entry =>
        {
            using var bytes = new MemoryStream();
            using (var stream = entry.Open())
                stream.CopyTo(bytes);
            bytes.Position = 0;
            using var assembly = new PEReader(bytes);
            var embedded = Assert.Single(assembly.ReadDebugDirectory(), debug => debug.Type == DebugDirectoryEntryType.EmbeddedPortablePdb);
            using var symbols = assembly.ReadEmbeddedPortablePdbDebugDirectoryData(embedded);
            var reader = symbols.GetMetadataReader();
            Assert.All(reader.Documents, document => Assert.StartsWith("/_/", reader.GetString(reader.GetDocument(document).Name)));
        });
    }
}
