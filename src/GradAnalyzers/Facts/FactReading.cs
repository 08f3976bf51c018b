using System.Collections.Immutable;
using GradAnalyzers.Catalogue;
using GradAnalyzers.Models;
using GradAnalyzers.Program;
using GradAnalyzers.Rules;
using GradAnalyzers.TrainingLoops;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Operations;

namespace GradAnalyzers.Facts;

/// <summary>What other projects can use of a program, as the rules read it: its module classes, what gives a module, and what methods do to gradients.</summary>
internal sealed class FactReading
{
    private readonly WholeProgram _program;
    private readonly CancellationToken _cancellation;
    private readonly ProgramSource _source;
    private readonly ValueTracer _tracer;
    private readonly LoopProgram _loops;
    private readonly UnseenCode _unseen;
    private readonly bool _hasFriends;

    /// <summary>An executable is used by its tests at most, which it names as friends; what its models compute is judged in itself.</summary>
    private readonly bool _hasForwards;

    private FactReading(WholeProgram program, CancellationToken cancellation)
    {
        (_program, _cancellation) = (program, cancellation);
        _source = new ProgramSource(program, cancellation);
        _tracer = new ValueTracer(_source);
        _loops = new LoopProgram(_source);
        _unseen = new UnseenCode(_tracer);
        _hasFriends = program.Compilation.Assembly.GetAttributes().Any(attribute => attribute.AttributeClass?.Name == "InternalsVisibleToAttribute");
        _hasForwards = _hasFriends || program.Compilation.Options.OutputKind is OutputKind.DynamicallyLinkedLibrary or OutputKind.NetModule;
    }

    /// <summary>The facts of a program, in the order of their ids.</summary>
    public static ImmutableArray<MemberFact> Of(WholeProgram program, CancellationToken cancellation)
    {
        var reading = new FactReading(program, cancellation);
        return reading.Classes().Concat(reading.Members()).OrderBy(fact => fact.Id, StringComparer.Ordinal).ToImmutableArray();
    }

    private IEnumerable<MemberFact> Classes()
    {
        var predictions = Predictions().ToLookup(pair => pair.Graph.Type?.Id, pair => pair.Prediction, StringComparer.Ordinal);
        foreach (var (prediction, number) in Settled(predictions[null]).Take(MaximumSequentials).Select((prediction, index) => (prediction, index + 1)))
            yield return new MemberFact($"S:{number}") { Predictions = ImmutableArray.Create(prediction) };
        foreach (var module in ModelSites.ModuleClasses(_program, _cancellation))
        {
            var type = module.Symbol(_program, _cancellation);
            var predicted = Settled(predictions[ModelType.IdOf(type)]).Take(MaximumForwards).ToImmutableArray();
            if (!IsVisible(type))
            {
                if (!predicted.IsEmpty)
                    yield return new MemberFact(IdOf(type)) { Predictions = predicted };
                continue;
            }

            var forwards = GraphsOf(module, type).Select(graph => (Graph: graph, Parameters: ParametersOf(graph, type))).Where(read => read.Parameters is not null)
                .Select(read => ForwardFacts.Of(read.Graph, read.Parameters!.Value)).OfType<ForwardFact>().GroupBy(FactText.Write).Select(same => same.First()).Take(MaximumForwards).ToImmutableArray();
            yield return new MemberFact(IdOf(type)) { Module = Fact(null, ImmutableArray.Create<Value>(new Instance(type)), forwards), Predictions = predicted };
        }
    }

    /// <summary>A class that is made with several sets of arguments is mostly made with others elsewhere.</summary>
    private const int MaximumForwards = 2;

    private const int MaximumSequentials = 8;

    /// <summary>The models that this project makes and that no other model holds, with their predictions; those of private classes, too: the monitor sees them.</summary>
    private IEnumerable<(ModelGraph Graph, PredictionFact Prediction)> Predictions()
    {
        foreach (var graph in ModelGraphs.Of(_program).All(_cancellation))
        {
            _cancellation.ThrowIfCancellationRequested();
            if (PredictionFact.Of(graph) is { } prediction)
                yield return (graph, prediction);
        }
    }

    /// <summary>At run time a model is known by its class and its paths: where predictions for the same paths differ by more than a factor of two, nothing says which one it is.</summary>
    private static IEnumerable<PredictionFact> Settled(IEnumerable<PredictionFact> predictions) =>
        predictions.GroupBy(prediction => string.Join(";", prediction.Parameters.Select(parameter => parameter.Path)), StringComparer.Ordinal)
            .Where(same => same.All(other => other.Parameters.Zip(same.First().Parameters, (one, first) => Math.Abs(one.LogRelative - first.LogRelative)).All(difference => difference <= Agreement)))
            .Select(same => same.First());

    /// <summary>In powers of ten: a factor of two.</summary>
    private const double Agreement = 0.3;

    /// <summary>What holds for any size, else the defaults; then the arguments that this project makes it with, which say little of those that another does.</summary>
    private IEnumerable<ModelGraph> GraphsOf(ModuleClass module, INamedTypeSymbol type)
    {
        if (!_hasForwards)
            return [];
        var graphs = ModelGraphs.Of(_program);
        // These are read for the rules in any case, and mostly tell already that nothing more is to be had.
        var made = graphs.Of(type, _source).ToList();
        if (made.Count > 0 && (type.InstanceConstructors.All(constructor => constructor.Parameters.IsEmpty) || made.Any(ForwardFacts.IsBeyondWords)))
            return made;
        if (graphs.OfAnySize(type, _cancellation) is { } any)
            return [any];
        return graphs.OfDefaults(module, _cancellation) is { } plain ? made.Prepend(plain) : made;
    }

    private static ImmutableArray<(string, string?)>? ParametersOf(ModelGraph graph, INamedTypeSymbol type)
    {
        foreach (var constructor in type.InstanceConstructors.Where(constructor => constructor.Parameters.Select(parameter => parameter.Name).SequenceEqual(graph.Arguments.Select(argument => argument.Name))))
            return ForwardFacts.Parameters(graph.Arguments, constructor.Parameters);
        return null;
    }

    private IEnumerable<MemberFact> Members()
    {
        var names = Words.HashesOf(ModelSites.ModuleClasses(_program, _cancellation).Select(type => type.Name)
            .Concat(new[] { Role.Module, Role.Sequential, Role.Optimizer, Role.Parameter, Role.Linear, Role.Rnn, Role.Lstm, Role.Gru }.SelectMany(_program.Catalogue.NamesOf)));
        foreach (var tree in _program.Trees.Where(tree => tree.Words.ContainsAny(names)))
        {
            foreach (var member in tree.Members.Where(member => member.ContainsAny(names)))
            {
                _cancellation.ThrowIfCancellationRequested();
                foreach (var declaration in Declared(member.Declaration))
                {
                    if (_source.Model(tree.Tree).GetDeclaredSymbol(declaration, _cancellation) is { } symbol && IsVisible(symbol) && Fact(symbol, declaration) is { } fact)
                        yield return fact;
                }
            }
        }
    }

    private static IEnumerable<SyntaxNode> Declared(SyntaxNode member) => member switch
    {
        MethodDeclarationSyntax or PropertyDeclarationSyntax => [member],
        FieldDeclarationSyntax field => field.Declaration.Variables,
        _ => [],
    };

    private MemberFact? Fact(ISymbol symbol, SyntaxNode declaration)
    {
        switch (symbol)
        {
            case IMethodSymbol { IsAbstract: false, MethodKind: MethodKind.Ordinary } method when !IsReplaceable(method):
                var given = _source.IsModule(method.ReturnType) && !_program.Catalogue.Is(method, Role.Forward) ? Given(method, method.ReturnType, _tracer.TraceResult(method)) : null;
                var gradients = Gradients(method, declaration);
                return given is null && gradients is null ? null : new MemberFact(IdOf(method)) { Module = given, Gradients = gradients };
            case IPropertySymbol { IsAbstract: false, IsIndexer: false } property when _source.IsModule(property.Type) && !IsReplaceable(property):
                return Given(property, property.Type, _tracer.TraceMember(property)) is { } held ? new MemberFact(IdOf(property)) { Module = held } : null;
            case IFieldSymbol field when _source.IsModule(field.Type):
                return Given(field, field.Type, _tracer.TraceMember(field)) is { } kept ? new MemberFact(IdOf(field)) { Module = kept } : null;
            default:
                return null;
        }
    }

    /// <summary>What a member gives, where that says more than its type.</summary>
    private ModuleFact? Given(ISymbol member, ITypeSymbol type, ImmutableArray<Value> values)
    {
        var forwards = member is IMethodSymbol { IsGenericMethod: false } method && (method.IsStatic || !method.ContainingType.IsGenericType) && ForwardOf(method) is { } forward ? ImmutableArray.Create(forward) : ImmutableArray<ForwardFact>.Empty;
        var known = values.Where(value => value is not (Argument or Unknown)).ToImmutableArray();
        if (known.IsEmpty || known.Length < values.Length)
            known = known.Where(value => _loops.IsRecurrent(value, _tracer)).ToImmutableArray();
        if (known.IsEmpty && forwards.IsEmpty)
            return null;
        var best = known.OrderByDescending(value => _loops.IsRecurrent(value, _tracer)).FirstOrDefault();
        var name = best?.Type is { } made && !SymbolEqualityComparer.Default.Equals(made, type) ? made.Name : null;
        return name is null && forwards.IsEmpty && !known.Any(value => value is Created && _loops.IsRecurrent(value, _tracer)) ? null : Fact(name, known, forwards);
    }

    private ModuleFact Fact(string? name, ImmutableArray<Value> values, ImmutableArray<ForwardFact> forwards)
    {
        var recurrent = values.Where(value => _loops.IsRecurrent(value, _tracer)).ToList();
        return new ModuleFact(name, recurrent.Count > 0, recurrent.Select(_loops.ReachOf).FirstOrDefault(reach => reach is not null), values.Any(value => _loops.HasWeights(value, _tracer)), forwards, !forwards.IsEmpty && _program.MembersFor(_cancellation).Trains);
    }

    private ForwardFact? ForwardOf(IMethodSymbol method)
    {
        if (!_hasForwards || ModelGraphs.Of(_program).ReturnedBy(method, _cancellation) is not { } graph)
            return null;
        var free = method.Parameters.Select(parameter => (parameter.Name, parameter.HasExplicitDefaultValue ? ForwardFacts.DefaultOf(parameter) : parameter.Name)).ToImmutableArray();
        return ForwardFacts.Parameters(free, method.Parameters) is { } parameters ? ForwardFacts.Of(graph, parameters) : null;
    }

    private GradientFact? Gradients(IMethodSymbol method, SyntaxNode declaration)
    {
        if (!method.Parameters.Any(parameter => _program.IsTrained(parameter.Type)) || method.Parameters.Any(parameter => parameter.Type.TypeKind == TypeKind.Delegate) || _program.Catalogue.Find(method) is not null)
            return null;
        if (_program.MembersFor(_cancellation).Contains(declaration))
            return LoopFindings.Of(_program).GradientsOf(declaration, _cancellation);
        return _unseen.HandsOut(method) || Stores(method) ? null : GradientFact.None;
    }

    /// <summary>What keeps its argument may act on it later.</summary>
    private bool Stores(IMethodSymbol method) => _source.CodeOf(method) is not { } code
        || code.Body.Operations.Any(operation => operation is IAssignmentOperation { Target: IMemberReferenceOperation } assignment
            && _program.HoldsTrained(assignment.Value.Type));

    private static bool IsReplaceable(ISymbol member) => (member.IsVirtual || (member.IsOverride && !member.IsSealed)) && !member.ContainingType.IsSealed;

    private static string IdOf(ISymbol symbol) => symbol.GetDocumentationCommentId()!;

    /// <summary>Whether another project can name the symbol.</summary>
    private bool IsVisible(ISymbol symbol)
    {
        for (var current = symbol; current is not null and not INamespaceSymbol; current = current.ContainingSymbol)
        {
            if (current.DeclaredAccessibility is Accessibility.Private or Accessibility.NotApplicable || (!_hasFriends && current.DeclaredAccessibility is Accessibility.Internal or Accessibility.ProtectedAndInternal))
                return false;
        }

        return true;
    }
}
