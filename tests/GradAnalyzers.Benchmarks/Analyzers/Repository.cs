using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Benchmarks.Analyzers;

/// <summary>
/// A public repository as one program: its sources, and the packages that its projects ask for. Without those every call of a logger is a compiler error, and what is read is not what its author compiles.
/// </summary>
internal sealed partial record Repository(string Name, ImmutableArray<(string Path, string Text)> Sources, ImmutableArray<MetadataReference> References)
{
    private const int Attempts = 12;

    private static readonly Dictionary<string, string> FormerNames = new(StringComparer.Ordinal)
    {
        ["inputChannel"] = "in_channels", ["outputChannel"] = "out_channels", ["kernelSize"] = "kernel_size", ["paddingMode"] = "padding_mode", ["outputPadding"] = "output_padding",
    };

    /// <summary>The repositories of a folder whose names contain a part, in order.</summary>
    public static IEnumerable<Repository> In(string folder, string part = "") => Directory.GetDirectories(folder).Order(StringComparer.Ordinal)
        .Where(path => Path.GetFileName(path).Contains(part, StringComparison.OrdinalIgnoreCase))
        .Select(path => new Repository(Path.GetFileName(path), SourcesOf(path), ReferencesOf(path))).Where(repository => repository.Sources.Length > 0);

    /// <summary>All sources of a folder, in a fixed order.</summary>
    private static ImmutableArray<(string Path, string Text)> SourcesOf(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(path => (Path.GetRelativePath(folder, path), WithNewNames(File.ReadAllText(path)))).Append(("Usings.cs", UsingsOf(folder)))];

    /// <summary>
    /// Arguments of TorchSharp's factories by the names that their parameters have now. Before 0.103 they had others, and those versions cannot be had everywhere: what its author compiles would be an error.
    /// </summary>
    private static string WithNewNames(string text)
    {
        if (!FormerNames.Keys.Any(text.Contains))
            return text;
        var named = CSharpSyntaxTree.ParseText(text).GetRoot().DescendantNodes().OfType<InvocationExpressionSyntax>()
            .Where(call => FactoryIn().IsMatch(call.Expression switch { MemberAccessExpressionSyntax member => member.Name.Identifier.ValueText, SimpleNameSyntax name => name.Identifier.ValueText, _ => "" }))
            .SelectMany(call => call.ArgumentList.Arguments).Select(argument => argument.NameColon?.Name.Identifier).OfType<SyntaxToken>().Where(name => FormerNames.ContainsKey(name.ValueText));
        var written = new StringBuilder(text);
        foreach (var name in named.OrderByDescending(name => name.SpanStart))
            written.Remove(name.SpanStart, name.Span.Length).Insert(name.SpanStart, FormerNames[name.ValueText]);
        return written.ToString();
    }

    /// <summary>What the projects import into all their files.</summary>
    private static string UsingsOf(string folder) => string.Join("\n", ProjectsOf(folder).SelectMany(file => ItemsOf(file, "Using")).Where(item => item.Attribute("Alias") is null && item.Attribute("Static") is null)
        .Select(item => item.Attribute("Include")?.Value).Where(name => name is not null).Distinct(StringComparer.Ordinal).Select(name => $"global using {name};"));

    private static IEnumerable<string> ProjectsOf(string folder) =>
        Directory.EnumerateFiles(folder, "*.*proj", SearchOption.AllDirectories).Concat(Directory.EnumerateFiles(folder, "*.props", SearchOption.AllDirectories)).Order(StringComparer.Ordinal);

    /// <summary>The framework, TorchSharp, and the packages of all projects, restored once for all of them by a project made for it, beside this program.</summary>
    private static ImmutableArray<MetadataReference> ReferencesOf(string folder)
    {
        var home = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "references", Path.GetFileName(folder))).FullName;
        var list = Path.Combine(home, "references.txt");
        var packages = PackagesOf(folder);
        if (!File.Exists(list))
            File.WriteAllLines(list, packages.Count == 0 ? [] : Restored(packages, home));
        return [.. WarmCompiler.References, .. File.ReadAllLines(list).Select(path => MetadataReference.CreateFromFile(path))];
    }

    private static SortedDictionary<string, string> PackagesOf(string folder)
    {
        var versions = new SortedDictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        var asked = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var file in ProjectsOf(folder))
        {
            foreach (var item in ItemsOf(file, "PackageReference", "PackageVersion"))
            {
                var name = item.Attribute("Include")?.Value ?? item.Attribute("Update")?.Value ?? "";
                if (item.Name.LocalName == "PackageReference")
                    asked.Add(name);
                var version = (item.Attribute("Version")?.Value ?? item.Elements().FirstOrDefault(element => element.Name.LocalName == "Version")?.Value ?? "").Trim('[', ']', '(', ')');
                if (VersionIn().IsMatch(version) && (!versions.TryGetValue(name, out var known) || string.CompareOrdinal(known, version) < 0))
                    versions[name] = version;
            }
        }

        // Native parts bind nothing, TorchSharp is there already, and what builds or tests run with has no names that code mentions.
        foreach (var name in versions.Keys.Where(name => !asked.Contains(name) || NotBound().IsMatch(name)).ToList())
            versions.Remove(name);
        return versions;
    }

    private static IEnumerable<XElement> ItemsOf(string project, params string[] kinds)
    {
        try
        {
            return XDocument.Load(project).Descendants().Where(element => kinds.Contains(element.Name.LocalName));
        }
        catch (XmlException)
        {
            return [];
        }
    }

    private static IEnumerable<string> Restored(SortedDictionary<string, string> packages, string home)
    {
        foreach (var file in new[] { "Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props" })
            File.WriteAllText(Path.Combine(home, file), "<Project />");
        var project = Path.Combine(home, "References.csproj");
        for (var attempt = 0; attempt < Attempts && packages.Count > 0; attempt++)
        {
            File.WriteAllText(project, $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup><TargetFramework>net10.0</TargetFramework><NuGetAudit>false</NuGetAudit><NoWarn>$(NoWarn);NU1701;NU1608;NU1605;NU1603</NoWarn></PropertyGroup>
                  <ItemGroup>
                    {string.Concat(packages.Select(package => $"<PackageReference Include=\"{package.Key}\" Version=\"{package.Value}\" />"))}
                  </ItemGroup>
                </Project>
                """);
            using var process = Process.Start(new ProcessStartInfo("dotnet", ["msbuild", project, "-restore", "-t:ResolveAssemblyReferences", "-getItem:ReferencePath", "-v:q"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode == 0)
            {
                return JsonDocument.Parse(output).RootElement.GetProperty("Items").GetProperty("ReferencePath").EnumerateArray().Select(item => item.GetProperty("FullPath").GetString()!)
                    .Where(path => !Path.GetFileName(path).StartsWith("TorchSharp.", StringComparison.OrdinalIgnoreCase) && !path.Contains("Microsoft.NETCore.App.Ref", StringComparison.Ordinal)).ToList();
            }

            // A version that is gone: the newest. A package that is gone: without it, and what it declares is an error.
            var named = FailureIn().Matches(output + errors.Result).Select(match => match.Groups["name"].Value).ToHashSet(StringComparer.OrdinalIgnoreCase);
            var failed = packages.Keys.Where(named.Contains).DefaultIfEmpty("").ToList();
            if (failed is [""])
                failed = [.. packages.Where(package => package.Value != "*").Select(package => package.Key)];
            // What a package needs itself is gone: mostly one of the same family does, a special one first.
            if (failed.Count == 0)
                failed = [.. packages.Keys.Where(name => named.Any(missing => missing.Split('.')[0].Equals(name.Split('.')[0], StringComparison.OrdinalIgnoreCase))).OrderByDescending(name => name.Length).Take(1)];
            if (failed.Count == 0)
                throw new InvalidOperationException($"The packages of {Path.GetFileName(home)} cannot be restored. Remove what fails from its projects:\n{output}{errors.Result}");
            foreach (var name in failed)
            {
                if (packages[name] == "*")
                    packages.Remove(name);
                else
                    packages[name] = "*";
            }
        }

        return [];
    }

    [GeneratedRegex("^(Conv|ConvTranspose|MaxPool|AvgPool)[123]d$")]
    private static partial Regex FactoryIn();

    [GeneratedRegex(@"^\d+\.\d")]
    private static partial Regex VersionIn();

    [GeneratedRegex(@"^(TorchSharp(-.*)?|libtorch.*|.*[.]runtime[.].*|.*[.]NativeAssets[.].*|coverlet.*|.*[.]runner[.].*|Microsoft[.]NET[.]Test[.]Sdk|Microsoft[.]SourceLink.*|Microsoft[.]DotNet[.].*|.*Analyzers?)$", RegexOptions.IgnoreCase)]
    private static partial Regex NotBound();

    [GeneratedRegex(@"error NU1\d\d\d: Unable to find package (?<name>[A-Za-z][\w.-]*\w)")]
    private static partial Regex FailureIn();
}
