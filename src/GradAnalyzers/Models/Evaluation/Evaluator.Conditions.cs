using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>Conditions that are a truth value with a name, or ask for a tensor's number of dimensions, as they were asked last.</summary>
    private readonly Dictionary<SyntaxNode, string> _questions = [];

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

    /// <summary>Truth values by their names that are taken for true or false while one way of a condition is executed.</summary>
    private readonly Dictionary<string, bool> _assumed = new(StringComparer.Ordinal);

    /// <summary>Whether a condition holds, where that is known; where it is a truth value that has a name, or asks for a number of dimensions, that is noted.</summary>
    private bool? Asked(IConditionalOperation conditional, Frame frame)
    {
        var value = Evaluate(conditional.Condition, frame);
        if (value is Unknown { Text: { } question } && (IsRankQuestion(question) || IsName(Undenied(question))))
            _questions[conditional.Condition.Syntax] = question;
        else if (_questions.Count > 0)
            _questions.Remove(conditional.Condition.Syntax);
        return Truth(value);
    }

    /// <summary>Executes one way of a condition. What has a name is the same wherever it is asked again.</summary>
    private Flow Assuming(IConditionalOperation conditional, bool holds, Func<Flow> way)
    {
        if (!_questions.TryGetValue(conditional.Condition.Syntax, out var question) || IsRankQuestion(question) || _assumed.ContainsKey(Undenied(question)))
            return way();
        _assumed.Add(Undenied(question), holds == (question[0] != '!'));
        var flow = way();
        _assumed.Remove(Undenied(question));
        return flow;
    }

    private Value Narrowed(Value value) => value switch
    {
        Unknown { Text: { } name } when _assumed.TryGetValue(name, out var holds) => Known.Of(holds),
        Alternatives { IsByTruth: true } one when _assumed.TryGetValue(one.Condition, out var holds) => one.Values[holds ? 0 : 1],
        _ => value,
    };

    private static bool IsRankQuestion(string text) => text.StartsWith("(#", StringComparison.Ordinal) && text.Contains(":" + ShapeValue.RankName + " ");

    /// <summary>Whether a text is what a value is called, not an expression: <c>useBias</c>, <c>config.UseBias</c>.</summary>
    private static bool IsName(string text)
    {
        foreach (var letter in text)
        {
            if (letter != '_' && letter != '.' && !char.IsLetterOrDigit(letter))
                return false;
        }

        return text.Length > 0 && !char.IsDigit(text[0]);
    }

    private static string Undenied(string question) => question[0] == '!' ? question[1..] : question;

    /// <summary>With the number of dimensions that decides, where one does: the first way is taken where the comparison holds.</summary>
    private ImmutableDictionary<string, Constant> Decided(ImmutableDictionary<string, Constant> constants, IOperation operation) =>
        operation is IConditionalOperation conditional && _questions.TryGetValue(conditional.Condition.Syntax, out var question) && IsRankQuestion(question)
            ? constants.Add(ModelGraph.RankQuestion, new Constant(ImmutableArray.Create(Size.Named(question)), "rank")) : constants;
}
