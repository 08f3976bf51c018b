using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace GradAnalyzers.CodeFixes.Edits;

/// <summary>Writes the name of a TorchSharp method so that it binds at a place: <c>utils</c> alone can be two things there, <c>torch</c> none.</summary>
internal static class LibraryName
{
    /// <param name="model">The semantic model of the file that the name is for.</param>
    /// <param name="position">Where the name will stand.</param>
    /// <param name="name">The name from <c>torch</c> on: <c>torch.nn.utils.clip_grad_norm_</c>.</param>
    public static string At(SemanticModel model, int position, string name)
    {
        string[] forms = [name, name["torch.".Length..], $"TorchSharp.{name}"];
        return forms.FirstOrDefault(form => Binds(model, position, form, name)) ?? $"global::TorchSharp.{name}";
    }

    private static bool Binds(SemanticModel model, int position, string form, string name)
    {
        var info = model.GetSpeculativeSymbolInfo(position, SyntaxFactory.ParseExpression(form), SpeculativeBindingOption.BindAsExpression);
        return new[] { info.Symbol }.Concat(info.CandidateSymbols).OfType<IMethodSymbol>()
            .Any(method => Catalogue.ModelCatalogue.QualifiedName(method) == $"{Catalogue.ModelCatalogue.Library}.{name}");
    }
}
