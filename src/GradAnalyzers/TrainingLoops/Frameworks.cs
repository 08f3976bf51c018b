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

    /// <summary>What a <c>Lazy</c> makes when it is first asked.</summary>
    public static bool IsValueOfLazy(ISymbol member) => member is IPropertySymbol { Name: "Value", ContainingType: { Name: "Lazy", Arity: 1, ContainingNamespace: { Name: "System", ContainingNamespace.IsGlobalNamespace: true } } };

    /// <summary>A method that runs over a sequence and hands its elements, one after another, to the function that it is given.</summary>
    public static bool IsQuery(IMethodSymbol method) => Contains(method)
        && (method.ContainingType.Name is "Enumerable" or "AsyncEnumerable" || (method.Name == "ForEach" && method.ContainingType.Name is "List" or "Array" or "Parallel"));
}
