using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace GradAnalyzers.Program;

/// <summary>The executable code of a member of a file: of a property all its accessors, of a field its initializers.</summary>
internal static class MemberBodies
{
    public static IEnumerable<MemberBody> Of(MemberFacts member, ProgramSource source) => member.Declaration switch
    {
        BasePropertyDeclarationSyntax { AccessorList: { } accessors } property => accessors.Accessors.Select(source.BodyAt).Append(source.InitializerAt(property)).OfType<MemberBody>(),
        PropertyDeclarationSyntax { ExpressionBody: { } arrow } => One(source.BodyAt(arrow)),
        BaseFieldDeclarationSyntax field => field.Declaration.Variables.Select(source.InitializerAt).OfType<MemberBody>(),
        var declaration => One(source.BodyAt(declaration)),
    };

    private static IEnumerable<MemberBody> One(MemberBody? body) => body is null ? [] : [body];
}
