using static TorchSharp.torch;

namespace GradAnalyzers.Monitor;

/// <summary>Several models as one, so that one monitor watches them: their parameters under their names. It never disposes them.</summary>
internal sealed class NamedModules : nn.Module
{
    public NamedModules(IReadOnlyList<(string Name, nn.Module Module)> modules) : base(nameof(NamedModules))
    {
        foreach (var (name, module) in modules)
            register_module(name, module);
        Title = string.Join(" + ", modules.Select(m => m.Name));
    }

    public string Title { get; }

    /// <summary>Nothing: the models are the user's.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
