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
    Step,
    Backward,
    Clear,
    ClipNorm,
    ClipValue,
    Loss,
    NoGrad,
    Detach,
}
