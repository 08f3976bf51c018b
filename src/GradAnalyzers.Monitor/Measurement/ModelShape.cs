using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace GradAnalyzers.Monitor.Measurement;

/// <summary>
/// Which modules a model consists of and which parameters they own: tells at a fraction of the cost of <c>named_parameters()</c>, which makes names and sets,
/// whether any was added, removed or replaced.
/// </summary>
internal sealed class ModelShape
{
    private readonly List<Entry> entries = [];

    public ModelShape(nn.Module model)
    {
        var seen = new HashSet<nn.Module> { model };
        var waiting = new Queue<nn.Module>(seen);
        while (waiting.TryDequeue(out var module))
        {
            if (module is IParameterLessModule && module.GetType().Assembly == typeof(torch).Assembly)
                continue;
            Entry entry = new(module, [.. module.named_children().Select(c => c.module)], [.. module.named_parameters(recurse: false).Select(p => (p.parameter, Handle(p.parameter)))]);
            entries.Add(entry);
            foreach (var child in entry.Children)
                if (seen.Add(child))
                    waiting.Enqueue(child);
        }
    }

    private readonly record struct Entry(nn.Module Module, nn.Module[] Children, (Parameter Parameter, IntPtr Handle)[] Parameters);

    /// <summary>The model has the same modules and the same parameters still.</summary>
    public bool IsCurrent()
    {
        foreach (var entry in entries)
        {
            var at = 0;
            foreach (var (_, child) in entry.Module.named_children())
                if (at == entry.Children.Length || !ReferenceEquals(entry.Children[at++], child))
                    return false;
            if (at != entry.Children.Length)
                return false;
            at = 0;
            foreach (var (_, parameter) in entry.Module.named_parameters(recurse: false))
            {
                if (at == entry.Parameters.Length || !ReferenceEquals(entry.Parameters[at].Parameter, parameter) || entry.Parameters[at].Handle != Handle(parameter))
                    return false;
                at++;
            }
            if (at != entry.Parameters.Length)
                return false;
        }
        return true;
    }

    private static IntPtr Handle(Parameter parameter) => parameter.IsInvalid ? IntPtr.Zero : parameter.Handle;
}
