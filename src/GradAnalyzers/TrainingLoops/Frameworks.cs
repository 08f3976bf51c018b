using Microsoft.CodeAnalysis;

namespace GradAnalyzers.TrainingLoops;

/// <summary>What the framework itself declares, in <c>System</c> and below.</summary>
internal static class Frameworks
{
    public static bool Contains(IMethodSymbol method)
    {
        if (!method.DeclaringSyntaxReferences.IsEmpty)
            return false;
        var root = method.ContainingNamespace;
        while (root is { ContainingNamespace: { IsGlobalNamespace: false } outer })
            root = outer;
        return root?.Name == "System";
    }
}
