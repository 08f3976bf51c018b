using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Models;

/// <summary>
/// Files whose models may have to do with one another: one mentions a name of a type or method that the other declares. Nothing is bound, so that a group is rather too large than too small.
/// It only saves work: the models of a group are read when a file of it is analyzed, and what binding them took is free again afterwards.
/// </summary>
internal sealed class FileGroups
{
    private readonly Dictionary<SyntaxTree, int> _groups = [];

    public FileGroups(Compilation compilation, CancellationToken cancellation)
    {
        var trees = compilation.SyntaxTrees.ToList();
        var parents = Enumerable.Range(0, trees.Count).ToArray();
        var declarers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var index = 0; index < trees.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var name in Declared(trees[index].GetRoot(cancellation)))
            {
                if (declarers.TryGetValue(name, out var other))
                    Join(index, other);
                else
                    declarers.Add(name, index);
            }
        }

        for (var index = 0; index < trees.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            foreach (var token in trees[index].GetRoot(cancellation).DescendantTokens())
            {
                if (token.IsKind(SyntaxKind.IdentifierToken) && token.Parent is SimpleNameSyntax && declarers.TryGetValue(token.ValueText, out var other))
                    Join(index, other);
            }
        }

        var numbers = new Dictionary<int, int>();
        for (var index = 0; index < trees.Count; index++)
        {
            var root = Root(index);
            if (!numbers.TryGetValue(root, out var number))
                numbers.Add(root, number = numbers.Count);
            _groups.Add(trees[index], number);
        }

        Count = numbers.Count;

        void Join(int one, int other) => parents[Root(one)] = Root(other);

        int Root(int index)
        {
            while (parents[index] != index)
                index = parents[index] = parents[parents[index]];
            return index;
        }
    }

    /// <summary>How many groups there are; they are numbered from zero.</summary>
    public int Count { get; }

    /// <summary>The group of a file, or null for a file that is not of the compilation.</summary>
    public int? Of(SyntaxTree tree) => _groups.TryGetValue(tree, out var group) ? group : null;

    // An override is reached by the name that its base declares.
    private static IEnumerable<string> Declared(SyntaxNode root)
    {
        foreach (var node in root.DescendantNodes(node => node is CompilationUnitSyntax or BaseNamespaceDeclarationSyntax or TypeDeclarationSyntax))
        {
            switch (node)
            {
                case BaseTypeDeclarationSyntax type:
                    yield return type.Identifier.ValueText;
                    break;
                case UsingDirectiveSyntax { Alias.Name.Identifier.ValueText: var alias }:
                    yield return alias;
                    break;
                case DelegateDeclarationSyntax type:
                    yield return type.Identifier.ValueText;
                    break;
                case MethodDeclarationSyntax method when !method.Modifiers.Any(SyntaxKind.OverrideKeyword):
                    yield return method.Identifier.ValueText;
                    break;
            }
        }
    }
}
