using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>Conditions that ask for a tensor's number of dimensions, as they were asked last.</summary>
    private readonly Dictionary<SyntaxNode, string> _rankQuestions = [];

    private Unknown RankOf(Value? tensor, IOperation at) =>
        new("the number of a tensor's dimensions", tensor is ShapeValue shape ? ShapeValue.Count(shape.Node) : Node(tensor) is { } node ? ShapeValue.Count(node) : Text(at));

    /// <summary><c>x.dim() == 4</c>, which is decided where the model's dimensions are followed; null for any other comparison.</summary>
    private static Unknown? RankQuestion(BinaryOperatorKind kind, Value left, Value right)
    {
        if (right is Unknown)
            (left, right, kind) = (right, left, Mirrored(kind));
        return left is Unknown { Text: { } rank } && right is Known { Content: long number } && rank.Length > 0 && rank[0] == '#' && rank.EndsWith(":" + ShapeValue.RankName, StringComparison.Ordinal) && Comparison(kind) is { } sign
            ? new Unknown("a comparison", $"({rank} {sign} {number})") : null;
    }

    private static BinaryOperatorKind Mirrored(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.LessThan => BinaryOperatorKind.GreaterThan,
        BinaryOperatorKind.LessThanOrEqual => BinaryOperatorKind.GreaterThanOrEqual,
        BinaryOperatorKind.GreaterThan => BinaryOperatorKind.LessThan,
        BinaryOperatorKind.GreaterThanOrEqual => BinaryOperatorKind.LessThanOrEqual,
        _ => kind,
    };

    private static string? Comparison(BinaryOperatorKind kind) => kind switch
    {
        BinaryOperatorKind.Equals => "==",
        BinaryOperatorKind.NotEquals => "!=",
        BinaryOperatorKind.LessThan => "<",
        BinaryOperatorKind.LessThanOrEqual => "<=",
        BinaryOperatorKind.GreaterThan => ">",
        BinaryOperatorKind.GreaterThanOrEqual => ">=",
        _ => null,
    };

    /// <summary>Whether a condition holds, where that is known; where it asks for a number of dimensions, that is noted.</summary>
    private bool? Asked(IConditionalOperation conditional, Frame frame)
    {
        var value = Evaluate(conditional.Condition, frame);
        if (value is Unknown { Text: ['(', '#', ..] question } && question.Contains(":" + ShapeValue.RankName + " "))
            _rankQuestions[conditional.Condition.Syntax] = question;
        else if (_rankQuestions.Count > 0)
            _rankQuestions.Remove(conditional.Condition.Syntax);
        return Truth(value);
    }

    /// <summary>With the number of dimensions that decides, where one does: the first way is taken where the comparison holds.</summary>
    private ImmutableDictionary<string, Constant> Decided(ImmutableDictionary<string, Constant> constants, IOperation operation) =>
        operation is IConditionalOperation conditional && _rankQuestions.TryGetValue(conditional.Condition.Syntax, out var question)
            ? constants.Add(ModelGraph.RankQuestion, new Constant(ImmutableArray.Create(Size.Named(question)), "rank")) : constants;
}
