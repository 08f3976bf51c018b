namespace GradAnalyzers.Catalogue;

/// <summary>What a catalogued member does in a model or a training loop. In the text format the name is written in snake case (<c>clip_norm</c>).</summary>
internal enum Role
{
    // Modules
    Module,
    Forward,
    Rnn,
    Lstm,
    Gru,
    RnnCell,
    LstmCell,
    GruCell,

    // Training
    Optimizer,
    Parameters,
    Parameter,
    Gradient,
    Step,
    Backward,
    Clear,
    ClipNorm,
    ClipValue,
}

internal static class RoleExtensions
{
    /// <summary>Whether a call of this role is an event of a training loop.</summary>
    public static bool IsTraining(this Role role) =>
        role is Role.Gradient or Role.Step or Role.Backward or Role.Clear or Role.ClipNorm or Role.ClipValue;
}
