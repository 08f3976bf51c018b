using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    /// <summary>A name in an expression that is not known: <c>depth</c>, <c>config.Layers</c>.</summary>
    private static readonly Regex NameIn = new(@"[\p{L}_][\p{L}\p{N}_.\[\]]*", RegexOptions.CultureInvariant);

    /// <summary>Numbers by their names that no code tells and that say how often something is repeated: how many layers, blocks, heads there are.</summary>
    private readonly HashSet<string> _counts = new(StringComparer.Ordinal);

    /// <summary>What all of <see cref="_counts"/> are taken for; null where they are not known.</summary>
    private int? _count;

    /// <summary>The module made anew, with this number for every number that says how often something is repeated and that no code tells; null where there is none.</summary>
    public ModuleValue? WithCounts(ModuleValue module, int count)
    {
        if (_counts.Count == 0 || module is not { IsSource: true, Made: var (constructor, given) })
            return null;
        _count = count;
        Rewind();
        return Construct(module.Type, constructor, [.. given], module.Creation) as ModuleValue;
    }

    /// <summary>Numbers that say how often something is repeated are not known any more.</summary>
    public void ForgetCounts() => _count = null;

    /// <summary>A number that something is repeated by, where it is taken for a known one.</summary>
    private Value Counted(Value value) => _count is { } count && value is Unknown { Text: { } text } && NameIn.IsMatch(text)
        && Extent.Parse(Size.Named(text), name => _counts.Contains(name) ? Extent.Of(count) : null).Number is { } number ? new Known(number) : value;

    /// <summary>Notes what a number is called that something is repeated by.</summary>
    private void AskCount(Value value)
    {
        // Of a program only what it makes is of interest, however often it does the rest; a tensor's size is no number of layers.
        if (_count is not null || _isSliced || value is not Unknown { Text: { } text } || text.Contains('#') || NameIn.Matches(text) is not { Count: > 0 } names)
            return;
        // What is no sum or product of its own, int.Parse(args[0]), is a name as a whole.
        if (names.Count == 1)
            _counts.Add(names[0].Value);
        else if (text[0] != '(')
            _counts.Add(text);
    }

    /// <summary>Notes what the bound of a loop is called whose end is not known.</summary>
    private void AskCount(IOperation? condition, Frame frame)
    {
        if (condition is not IBinaryOperation { OperatorKind: BinaryOperatorKind.LessThan or BinaryOperatorKind.LessThanOrEqual or BinaryOperatorKind.GreaterThan or BinaryOperatorKind.GreaterThanOrEqual } comparison)
            return;
        AskCount(Evaluate(comparison.LeftOperand, frame));
        AskCount(Evaluate(comparison.RightOperand, frame));
    }
}
