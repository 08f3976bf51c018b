using GradAnalyzers.Monitor.Judgement;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// The parameters of a model, read once and used for many observations: walking the modules and reading every <c>.grad</c> handle costs more
/// than measuring. <see cref="IsOutdated"/> tells when it must be read again: a parameter added, removed, moved, frozen, or with its first gradient.
/// </summary>
internal sealed class ParameterTable : IDisposable
{
    private readonly nn.Module model;
    private readonly ModelShape shape;

    public ParameterTable(nn.Module model)
    {
        this.model = model;
        shape = new ModelShape(model);
        Parameters = Read(model);
        Groups = [.. Parameters.Where(p => p.HasGradient).GroupBy(p => (p.Tensor.device_type, p.Tensor.device_index))
            .Select(g => new ParameterGroup(g.First().Tensor.device, [.. g]))];
        Absent = [.. Parameters.Where(p => !p.HasGradient).Select(p => (Tensor)p.Tensor)];
        Measured = [.. Groups.SelectMany(g => g.Members)];
    }

    /// <summary>All parameters in the order of <c>named_parameters()</c>; a shared one once.</summary>
    public IReadOnlyList<WatchedParameter> Parameters { get; }

    public IReadOnlyList<ParameterGroup> Groups { get; }

    /// <summary>The parameters with a gradient, in the order in which the statistics of the groups come.</summary>
    public IReadOnlyList<WatchedParameter> Measured { get; }

    /// <summary>The parameters without gradient, also those that are frozen: they may get one.</summary>
    public Tensor[] Absent { get; }

    /// <summary>A parameter that had no gradient has one now. Cheap: no handle is made.</summary>
    public bool GainedGradients => Absent.Length > 0 && DeviceStatistics.CountMissing(Absent) < Absent.Length;

    /// <summary>No module and no parameter was added, removed or replaced. Cheap enough for every step.</summary>
    public bool HasCurrentShape => shape.IsCurrent();

    /// <summary>The model has other parameters than this table, or has them elsewhere. Walks the modules.</summary>
    public bool IsOutdated()
    {
        var index = 0;
        foreach (var (path, parameter) in model.named_parameters())
        {
            if (parameter.IsInvalid || parameter.numel() == 0)
                continue;
            if (index == Parameters.Count)
                return true;
            var known = Parameters[index++];
            if (known.Path != Names.Plain(path) || !ReferenceEquals(known.Tensor, parameter) || known.IsTrainable != parameter.requires_grad)
                return true;
        }
        return index != Parameters.Count;
    }

    public void Dispose()
    {
        foreach (var group in Groups)
            group.Dispose();
    }

    private static List<WatchedParameter> Read(nn.Module model)
    {
        var owners = new Dictionary<string, nn.Module> { [""] = model };
        foreach (var (path, module) in model.named_modules())
            owners.TryAdd(path, module);
        var parameters = new List<WatchedParameter>();
        foreach (var (path, parameter) in model.named_parameters())
        {
            if (parameter.IsInvalid || parameter.numel() == 0)
                continue;
            using var gradient = parameter.grad;
            var dot = path.LastIndexOf('.');
            owners.TryGetValue(dot < 0 ? "" : path[..dot], out var owner);
            parameters.Add(new(Names.Plain(path), parameter, RoleOf(parameter, owner), parameter.numel(), parameter.dim() > 0 ? parameter.shape[0] : 1, parameter.requires_grad,
                HasGradient: gradient is not null && gradient.numel() > 0, HasSparseGradient: gradient?.is_sparse ?? false));
        }
        return parameters;
    }

    private static ParameterRole RoleOf(Parameter parameter, nn.Module? owner) => owner switch
    {
        Embedding or EmbeddingBag => ParameterRole.Embedding,
        _ when parameter.dim() < 2 => ParameterRole.Vector,
        RNN or LSTM or GRU or RNNCell or LSTMCell or GRUCell => ParameterRole.RecurrentWeight,
        _ => ParameterRole.Weight,
    };
}
