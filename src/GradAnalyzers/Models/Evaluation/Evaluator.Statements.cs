using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Models.Evaluation;

internal sealed partial class Evaluator
{
    private enum Flow
    {
        Next,
        Return,
        Break,
        Continue,
        Throw,

        /// <summary>A goto, to the frame's target: whoever holds the label goes on there.</summary>
        Jump,
    }

    private Flow Execute(IOperation? statement, Frame frame)
    {
        if (statement is null || (_isSliced && !slice!.Matters(statement)))
            return Flow.Next;
        if (!Enter())
            return Flow.Return;
        try
        {
            return ExecuteCore(statement, frame);
        }
        finally
        {
            _depth--;
        }
    }

    private Flow ExecuteCore(IOperation statement, Frame frame)
    {
        switch (statement)
        {
            case IBlockOperation block:
                return ExecuteAll(block.Operations, frame);
            case IExpressionStatementOperation expression:
                Evaluate(expression.Operation, frame);
                return Flow.Next;
            case IVariableDeclarationGroupOperation group:
                foreach (var declaration in group.Declarations)
                    Declare(declaration, frame);
                return Flow.Next;
            case IUsingDeclarationOperation declaration:
                return Execute(declaration.DeclarationGroup, frame);
            case IUsingOperation statementWithResource:
                if (statementWithResource.Resources is IVariableDeclarationGroupOperation)
                    Execute(statementWithResource.Resources, frame);
                else
                    Evaluate(statementWithResource.Resources, frame);
                return Execute(statementWithResource.Body, frame);
            case IReturnOperation { Kind: OperationKind.YieldReturn } yielded:
                var next = Evaluate(yielded.ReturnedValue!, frame);
                Set(frame, Slot.Items, (frame.Get(Slot.Items) ?? Items.Empty) is Items yieldedBefore ? new Items(yieldedBefore.Values.Add(next)) : new Unknown("it is not known what is yielded"));
                return Flow.Next;
            case IReturnOperation { Kind: OperationKind.YieldBreak }:
                return Flow.Return;
            case IReturnOperation returned:
                frame.Result = returned.ReturnedValue is { } value ? Evaluate(value, frame) : Known.Null;
                return Flow.Return;
            case IConditionalOperation conditional:
                return Asked(conditional, frame) switch
                {
                    true => Execute(conditional.WhenTrue, frame),
                    false => Execute(conditional.WhenFalse, frame),
                    null => ExecuteBoth(conditional, frame),
                };
            case IForLoopOperation loop:
                return ExecuteFor(loop, frame);
            case IForEachLoopOperation loop:
                return ExecuteForEach(loop, frame);
            case IWhileLoopOperation loop:
                return ExecuteWhile(loop, frame);
            case ISwitchOperation choice:
                return ExecuteSwitch(choice, frame);
            case IBranchOperation branch:
                frame.Target = branch.Target;
                return branch.BranchKind switch { BranchKind.Break => Flow.Break, BranchKind.Continue => Flow.Continue, _ => Flow.Jump };
            case ITryOperation attempt:
                var flow = Execute(attempt.Body, frame);
                var final = Execute(attempt.Finally, frame);
                return final == Flow.Next ? flow : final;
            case ILockOperation section:
                Evaluate(section.LockedValue, frame);
                return Execute(section.Body, frame);
            case ILabeledOperation labeled:
                // Whoever may have jumped here, or past what came before.
                if (frame.MayHaveJumped)
                    ForgetJumped(frame, labeled);
                return Execute(labeled.Operation, frame);
            case IThrowOperation:
                return Flow.Throw;
            case ILocalFunctionOperation or IEmptyOperation:
                return Flow.Next;
            case IMethodBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody, frame);
            case IConstructorBodyOperation body:
                return Execute(body.BlockBody ?? body.ExpressionBody, frame);
            default:
                Evaluate(statement, frame);
                return Flow.Next;
        }
    }

    private Flow ExecuteBoth(IConditionalOperation conditional, Frame frame) =>
        Fork(frame, conditional, [() => Assuming(conditional, true, () => Execute(conditional.WhenTrue, frame)), () => Assuming(conditional, false, () => Execute(conditional.WhenFalse, frame))]);

    private Flow ExecuteAll(ImmutableArray<IOperation> statements, Frame frame)
    {
        var flow = Flow.Next;
        for (var index = 0; index < statements.Length && flow == Flow.Next; index++)
        {
            flow = Execute(statements[index], frame);
            if (flow == Flow.Jump && PlaceOf(frame.Target, statements) is >= 0 and var place && Follow(frame, statements[place]))
            {
                index = place - 1;
                flow = Flow.Next;
            }
        }

        return flow;
    }

    /// <summary>Where a label stands in a block; -1 where it is another block's.</summary>
    private static int PlaceOf(ILabelSymbol? label, ImmutableArray<IOperation> statements)
    {
        for (var index = 0; index < statements.Length; index++)
        {
            for (var statement = statements[index] as ILabeledOperation; statement is not null; statement = statement.Operation as ILabeledOperation)
            {
                if (SymbolEqualityComparer.Default.Equals(statement.Label, label))
                    return index;
            }
        }

        return -1;
    }

    /// <summary>Whether a jump is followed: too many of them are a loop over an unknown number of steps.</summary>
    private bool Follow(Frame frame, IOperation label)
    {
        if (++frame.Jumps <= MaximumIterations && !HasReachedLimit)
            return true;
        MayJump(frame, label);
        return false;
    }

    /// <summary>A jump that may happen or not: from here on, what the method wrote is not known, and neither is what it writes before a label.</summary>
    private void MayJump(Frame frame, IOperation at)
    {
        frame.MayHaveJumped = true;
        ForgetJumped(frame, at);
    }

    // Models of a program that may jump are made all the same; what its variables and lists hold is not known. What was forgotten before and not written since is forgotten still.
    private void ForgetJumped(Frame frame, IOperation at)
    {
        var written = _store.WrittenSince(_store.ForgottenUntil(frame) ?? frame.Start);
        foreach (var pair in written)
        {
            if (!_isProgram || pair.Key.Owner is not ModuleValue)
                Set(pair.Key.Owner, pair.Key.Key, Forgotten(pair.Value, pair.Key, "a goto that may happen or not", at));
        }

        _store.Forgot(frame);
    }

    private void Declare(IVariableDeclarationOperation declaration, Frame frame)
    {
        foreach (var declarator in declaration.Declarators)
        {
            // C# keeps the initializer at the declarator; the declaration's own is Visual Basic's.
            if (declarator.Initializer is { } initializer)
                Set(frame, declarator.Symbol, Evaluate(initializer.Value, frame));
        }
    }

    private Flow ExecuteSwitch(ISwitchOperation choice, Frame frame)
    {
        var value = Evaluate(choice.Value, frame);
        var possible = new List<ISwitchCaseOperation>();
        ISwitchCaseOperation? fallback = null;
        var isCertain = false;
        foreach (var section in choice.Cases)
        {
            bool? taken = false;
            foreach (var clause in section.Clauses)
            {
                switch (clause)
                {
                    case IDefaultCaseClauseOperation:
                        fallback = section;
                        continue;
                    case ISingleValueCaseClauseOperation single:
                        taken = Or(taken, Equal(value, Evaluate(single.Value, frame)));
                        break;
                    case IPatternCaseClauseOperation pattern:
                        var matches = Matches(value, pattern.Pattern, frame);
                        if (matches != false && pattern.Guard is { } guard)
                            matches = And(matches, Truth(Evaluate(guard, frame)));
                        taken = Or(taken, matches);
                        break;
                    default:
                        taken = Or(taken, null);
                        break;
                }
            }

            if (taken == false)
                continue;
            possible.Add(section);
            isCertain = taken == true;
            if (isCertain)
                break;
        }

        var branches = possible.Select(section => new Func<Flow>(() => ExecuteSection(section, choice, frame))).ToList();
        if (!isCertain)
            branches.Add(fallback is null ? () => Flow.Next : () => ExecuteSection(fallback, choice, frame));
        return branches.Count == 1 ? branches[0]() : Fork(frame, choice, branches);
    }

    /// <summary>A section of a switch, and those that it goes on to by <c>goto case</c>.</summary>
    private Flow ExecuteSection(ISwitchCaseOperation section, ISwitchOperation choice, Frame frame)
    {
        var flow = ExecuteAll(section.Body, frame);
        while (flow == Flow.Jump && choice.Cases.FirstOrDefault(other => other.Clauses.Any(clause => SymbolEqualityComparer.Default.Equals(clause.Label, frame.Target))) is { } next && Follow(frame, next))
            flow = ExecuteAll(next.Body, frame);
        return flow == Flow.Break ? Flow.Next : flow;
    }

    /// <summary>Takes every branch from the same state and goes on with what they have in common.</summary>
    private Flow Fork(Frame frame, IOperation at, IReadOnlyList<Func<Flow>> branches)
    {
        var outcomes = new List<(Flow Flow, Dictionary<(Stateful Owner, object Key), Value> Written, Value? Result)>();
        var before = frame.Result;
        var mark = _store.Mark;
        foreach (var branch in branches)
        {
            frame.Result = null;
            _uncertain++;
            var flow = branch();
            _uncertain--;
            // A branch that throws is no way through the model.
            if (flow != Flow.Throw)
                outcomes.Add((flow, _store.WrittenSince(mark), frame.Result));
            _store.UndoTo(mark);
        }

        frame.Result = before;
        if (outcomes.Count == 0)
            return Flow.Throw;
        if (outcomes.Any(outcome => outcome.Flow is Flow.Break or Flow.Continue) && outcomes.Count > 1)
            frame.LeftLoopUncertainly = true;
        var mayJump = outcomes.Any(outcome => outcome.Flow == Flow.Jump) && outcomes.Count > 1;

        var staying = outcomes.Where(outcome => outcome.Flow != Flow.Return).ToList();
        if (staying.Count == 0)
        {
            Join(outcomes.Select(outcome => outcome.Written).ToList(), mark, at);
            frame.Result = Merge(outcomes.Select(outcome => outcome.Result ?? Known.Null).ToList(), at);
            return Flow.Return;
        }

        if (staying.Count < outcomes.Count && !frame.MayHaveReturned)
        {
            frame.MayHaveReturned = true;
            _uncertain++;
        }

        frame.Pending.AddRange(outcomes.Where(outcome => outcome.Flow == Flow.Return && outcome.Result is not null).Select(outcome => outcome.Result!));
        Join(staying.Select(outcome => outcome.Written).ToList(), mark, at);
        if (mayJump)
            MayJump(frame, at);
        return staying.Count == 1 && outcomes.Count == 1 ? staying[0].Flow : Flow.Next;
    }

    private void Join(IReadOnlyList<Dictionary<(Stateful Owner, object Key), Value>> branches, int mark, IOperation at)
    {
        foreach (var slot in branches.SelectMany(branch => branch.Keys).Distinct().ToList())
        {
            var values = new List<Value>();
            foreach (var branch in branches)
            {
                // What a branch itself made is as the branch left it.
                if ((branch.TryGetValue(slot, out var written) ? written : slot.Owner.Get(slot.Key)) is { } value)
                    values.Add(value);
                else if (slot.Owner is Instance && slot.Owner.Born <= mark && slot.Key is IFieldSymbol { Type.IsReferenceType: true })
                    values.Add(Known.Null);
            }

            Set(slot.Owner, slot.Key, Merge(values, at));
        }
    }

    private Flow ExecuteFor(IForLoopOperation loop, Frame frame)
    {
        if (ExecuteAll(loop.Before, frame) is var start and not Flow.Next)
            return start;
        foreach (var variable in loop.Locals)
        {
            if (frame.Get(variable) is Unknown first && Counted(first) is Known known)
                Set(frame, variable, known);
        }

        return Iterate(loop, frame,
            () =>
            {
                var holds = loop.Condition is null ? true : Truth(Evaluate(loop.Condition, frame));
                if (holds is null)
                    AskCount(loop.Condition, frame);
                return holds;
            },
            () =>
            {
                var flow = Execute(loop.Body, frame);
                if (flow is Flow.Next or Flow.Continue)
                    ExecuteAll(loop.AtLoopBottom, frame);
                return flow;
            });
    }

    private Flow ExecuteWhile(IWhileLoopOperation loop, Frame frame)
    {
        var isFirst = true;
        return Iterate(loop, frame,
            () =>
            {
                if (isFirst && !loop.ConditionIsTop)
                {
                    isFirst = false;
                    return true;
                }

                return loop.Condition is null ? true : Truth(Evaluate(loop.Condition, frame)) is { } truth ? truth != loop.ConditionIsUntil : null;
            },
            () => Execute(loop.Body, frame));
    }

    private Flow ExecuteForEach(IForEachLoopOperation loop, Frame frame)
    {
        var collection = Evaluate(loop.Collection, frame);
        if (Elements(collection) is { } elements)
        {
            var index = 0;
            return Iterate(loop, frame, () => index < elements.Count, () =>
            {
                BindLoopVariable(loop, elements[index++], frame);
                return Execute(loop.Body, frame);
            });
        }

        return Iterate(loop, frame, () => null, () =>
        {
            BindLoopVariable(loop, ElementOf(collection, (loop.LoopControlVariable as IVariableDeclaratorOperation)?.Symbol.Type, loop.Collection), frame);
            return Execute(loop.Body, frame);
        });
    }

    private void BindLoopVariable(IForEachLoopOperation loop, Value element, Frame frame)
    {
        switch (loop.LoopControlVariable)
        {
            case IVariableDeclaratorOperation variable:
                Set(frame, variable.Symbol, element);
                break;
            case { } target:
                Assign(target, element, frame);
                break;
        }
    }

    /// <summary>Runs a loop while its condition is known, and gives up on what it writes as soon as the condition is not.</summary>
    private Flow Iterate(ILoopOperation loop, Frame frame, Func<bool?> condition, Func<Flow> body)
    {
        var mark = _store.Mark;
        var leftBefore = frame.LeftLoopUncertainly;
        frame.LeftLoopUncertainly = false;
        try
        {
            for (var iteration = 0; ; iteration++)
            {
                if (HasReachedLimit)
                    return Flow.Return;
                var holds = iteration >= (_isSliced ? MaximumProgramIterations : MaximumIterations) ? null : condition();
                if (holds == false)
                    break;
                // Epochs change no model's shape: one round shows what they do.
                if (_isSliced && !slice!.Builds(loop))
                    return IterateOnce(loop, frame, body);
                if (holds is null)
                    return IterateUnknown(loop, frame, body);
                var flow = body();
                if (flow is Flow.Return or Flow.Throw or Flow.Jump)
                    return flow;
                if (flow == Flow.Break)
                    break;
            }

            if (frame.LeftLoopUncertainly)
                Forget(_store.WrittenSince(mark), mark, loop, "it is written in a loop that may end early");
            return Flow.Next;
        }
        finally
        {
            frame.LeftLoopUncertainly = leftBefore;
        }
    }

    /// <summary>A loop of a program whose rounds make no different models: what it writes besides is not known after it.</summary>
    private Flow IterateOnce(ILoopOperation loop, Frame frame, Func<Flow> body)
    {
        var mark = _store.Mark;
        var jumps = body() == Flow.Jump;
        var written = _store.WrittenSince(mark);
        _store.UndoTo(mark);
        return EndOf(loop, frame, mark, written, jumps);
    }

    /// <summary>
    /// A loop over an unknown number of steps: its body runs once to see what it writes, and once more with those tensors as values of the previous step,
    /// so that a layer whose output feeds its own next use is seen (a recurrent network written by hand).
    /// </summary>
    private Flow IterateUnknown(ILoopOperation loop, Frame frame, Func<Flow> body)
    {
        if (!_isProgram && !_isSliced && loop is IForLoopOperation counted && ReadsElements(counted) && Walked(loop, frame, body))
            return Flow.Next;
        var mark = _store.Mark;
        var jumps = body() == Flow.Jump;
        var carried = _store.WrittenSince(mark);
        _store.UndoTo(mark);

        var previous = new List<(Stateful Owner, object Key, int Node)>();
        foreach (var slot in carried.Keys)
        {
            if (slot.Owner.Get(slot.Key) is TensorValue or Known { Content: null } && carried[slot] is TensorValue)
            {
                var node = Graph.Add(new DraftNode(Role.Data, ImmutableArray<int>.Empty, null, Named($"previous step {previous.Count} {Text(loop)}"), Place(loop), null));
                previous.Add((slot.Owner, slot.Key, node));
                Set(slot.Owner, slot.Key, new TensorValue(node));
            }
            else if (slot.Owner.Get(slot.Key) is Known { Number: not null })
            {
                Set(slot.Owner, slot.Key, new Unknown("it changes in a loop"));
            }
        }

        var before = Graph.Nodes.Count;
        body();
        var size = Graph.Nodes.Count - before;
        var isRecurrent = false;
        foreach (var (owner, key, node) in previous)
        {
            if (owner.Get(key) is TensorValue next)
                isRecurrent |= FindUnrolled(next.Node, previous.Select(entry => entry.Node).ToList());
        }

        var written = _store.WrittenSince(mark);
        _store.UndoTo(mark);
        if (isRecurrent && !jumps && !_isProgram && !_isSliced && size <= MaximumRecurrentBody && Repeated(loop, frame, mark, body))
            return Flow.Next;
        return EndOf(loop, frame, mark, written, jumps);
    }

    /// <summary>The rounds that were looked at are undone: what they wrote is unknown.</summary>
    private Flow EndOf(ILoopOperation loop, Frame frame, int mark, Dictionary<(Stateful Owner, object Key), Value> written, bool jumps)
    {
        Forget(written, mark, loop, $"a loop over an unknown number of steps: {Header(loop)}");
        if (jumps)
            MayJump(frame, loop);
        return Flow.Next;
    }

    /// <summary>Nodes of a loop's body that is repeated, and how often: with many steps and with few.</summary>
    private const int MaximumRecurrentBody = 96, ManySteps = 12, FewSteps = 3;

    /// <summary>Elements of a list that a loop goes through whose end is not known.</summary>
    private const int MaximumWalk = 64;

    /// <summary>
    /// A recurrence over steps that nobody counts, with many of them and with few: what both say of a value is a choice between two. A list has as many elements as there are many steps.
    /// False, and nothing done, where its body does something else than go on.
    /// </summary>
    private bool Repeated(ILoopOperation loop, Frame frame, int mark, Func<Flow> body)
    {
        if (Steps(FewSteps) is not { } few || Steps(ManySteps) is not { } many)
            return false;
        Choose(loop, few, many);
        return true;

        Dictionary<(Stateful Owner, object Key), Value>? Steps(int count)
        {
            for (var step = 0; step < count; step++)
            {
                if (body() is Flow.Next or Flow.Continue && !frame.LeftLoopUncertainly && !HasReachedLimit)
                    continue;
                _store.UndoTo(mark);
                return null;
            }

            var written = _store.WrittenSince(mark);
            _store.UndoTo(mark);
            return written;
        }
    }

    /// <summary>Set where an element of a list that is known is read by a number: it is there, or it is behind the list's end.</summary>
    private bool _isRead, _isBehindEnd;

    /// <summary>Whether a loop's body reads elements of a list by the number that the loop counts.</summary>
    private static bool ReadsElements(IForLoopOperation loop)
    {
        foreach (var operation in loop.Body.Descendants())
        {
            var index = operation switch
            {
                IArrayElementReferenceOperation { Indices: [var only] } => only,
                IPropertyReferenceOperation { Property.IsIndexer: true, Arguments: [var only] } => only.Value,
                IImplicitIndexerReferenceOperation indexer => indexer.Argument,
                _ => null,
            };
            if (index is not null && Unconverted(index) is ILocalReferenceOperation { Local: var number } && loop.Locals.Contains(number, SymbolEqualityComparer.Default)
                && (operation.Parent as ISimpleAssignmentOperation)?.Target != operation)
                return true;
        }

        return false;
    }

    /// <summary>
    /// Rounds that go through a list that is known, as far as a number says that is not: <c>for (i = 0; i &lt; depth; i++) x = layers[i].forward(x)</c>. Where the list ends, the loop does.
    /// False, and nothing done, where the rounds read no list by their number.
    /// </summary>
    private bool Walked(ILoopOperation loop, Frame frame, Func<Flow> body)
    {
        var mark = _store.Mark;
        Dictionary<(Stateful Owner, object Key), Value>? few = null;
        for (var round = 0; round < MaximumWalk; round++)
        {
            var before = _store.Mark;
            (_isRead, _isBehindEnd) = (false, false);
            var isWhole = body() is Flow.Next or Flow.Continue && !frame.LeftLoopUncertainly && !HasReachedLimit;
            if (_isBehindEnd && round > 0)
            {
                _store.UndoTo(before);
                var many = _store.WrittenSince(mark);
                _store.UndoTo(mark);
                Choose(loop, few ?? many, many);
                return true;
            }

            if (!isWhole || _isBehindEnd || !_isRead)
                break;
            if (round + 1 == FewSteps)
                few = _store.WrittenSince(mark);
        }

        _store.UndoTo(mark);
        return false;
    }

    /// <summary>What few rounds and many leave behind: a choice between two.</summary>
    private void Choose(ILoopOperation loop, Dictionary<(Stateful Owner, object Key), Value> few, Dictionary<(Stateful Owner, object Key), Value> many)
    {
        foreach (var pair in many)
        {
            if (pair.Key.Owner is Frame && pair.Key.Owner.Get(pair.Key.Key) is null)
                continue;
            Set(pair.Key.Owner, pair.Key.Key, pair.Value switch
            {
                TensorValue tensor when few.TryGetValue(pair.Key, out var shorter) && shorter is TensorValue other => Choice(tensor.Node, other.Node, loop, $"the number of steps of {Header(loop)}"),
                Known { Number: not null } => new Unknown("it changes in a loop"),
                var value => value,
            });
        }
    }

    private static string Header(IOperation loop)
    {
        // Not the whole text of a loop: each loop around it would ask for it again.
        var start = loop.Syntax.SpanStart;
        var end = loop.Syntax switch
        {
            ForStatementSyntax syntax => syntax.CloseParenToken.Span.End,
            CommonForEachStatementSyntax syntax => syntax.CloseParenToken.Span.End,
            WhileStatementSyntax syntax => syntax.CloseParenToken.Span.End,
            _ => start,
        };
        return end > start ? loop.Syntax.SyntaxTree.GetText().ToString(new(start, end - start)) : "do";
    }

    /// <summary>Whether a layer with weights lies between the previous step and this one; those that do are noted.</summary>
    private bool FindUnrolled(int from, IReadOnlyCollection<int> previous)
    {
        // Nodes that depend on a value of the previous step, in the order of evaluation.
        var depends = new HashSet<int>(previous);
        var first = previous.Min();
        for (var index = first; index < Graph.Nodes.Count; index++)
        {
            if (Graph.Nodes[index].Inputs.Any(depends.Contains))
                depends.Add(index);
        }

        if (!depends.Contains(from))
            return false;
        var isRecurrent = false;
        var visited = new HashSet<int>();
        var pending = new Stack<int>([from]);
        while (pending.Count > 0)
        {
            var index = pending.Pop();
            if (!visited.Add(index) || !depends.Contains(index))
                continue;
            if (Graph.Nodes[index].Module is { } module && Graph.Nodes[index].Role.IsWeighted())
            {
                Unrolled.Add(module);
                isRecurrent = true;
            }

            foreach (var input in Graph.Nodes[index].Inputs)
                pending.Push(input);
        }

        return isRecurrent;
    }

    /// <summary>Makes what was written unknown.</summary>
    private void Forget(Dictionary<(Stateful Owner, object Key), Value> written, int mark, IOperation at, string reason)
    {
        foreach (var pair in written)
        {
            // Variables of the loop's own body, and modules that it makes, end with it.
            if ((pair.Key.Owner is Frame && pair.Key.Owner.Get(pair.Key.Key) is null) || (pair.Key.Owner is ModuleValue && pair.Key.Owner.Born > mark))
                continue;
            Set(pair.Key.Owner, pair.Key.Key, Forgotten(pair.Value, pair.Key, reason, at));
        }
    }

    private Value Forgotten(Value value, (Stateful Owner, object Key) slot, string reason, IOperation at) => value switch
    {
        TensorValue tensor => Opaque(reason, slot.Owner.Get(slot.Key) is TensorValue before ? [before.Node, tensor.Node] : [tensor.Node], at),
        InitializationValue => new InitializationValue(new Initialization(Role.Opaque, Constant.None, Place(at))),
        _ => new Unknown(reason),
    };

    private static bool? Or(bool? one, bool? other) => one == true || other == true ? true : one is null || other is null ? null : false;

    private static bool? And(bool? one, bool? other) => one == false || other == false ? false : one is null || other is null ? null : true;

    private static bool? Truth(Value value) => value is Known { Content: bool truth } ? truth : null;
}
