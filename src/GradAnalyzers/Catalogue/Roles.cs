namespace GradAnalyzers.Catalogue;

/// <summary>Groups of roles that rules ask about.</summary>
internal static class Roles
{
    /// <summary>An elementwise nonlinearity.</summary>
    public static bool IsActivation(this Role role) => role is >= Role.Sigmoid and <= Role.Absolute;

    /// <summary>An activation that goes flat on both sides, so that its slope is small almost everywhere for large inputs.</summary>
    public static bool IsSaturating(this Role role) =>
        role is Role.Sigmoid or Role.Tanh or Role.Hardsigmoid or Role.Hardtanh or Role.Softsign or Role.Arctan;

    public static bool IsNormalization(this Role role) => role is >= Role.BatchNorm and <= Role.LocalResponseNorm;

    /// <summary>A layer with a weight matrix or kernel that its input is multiplied by.</summary>
    public static bool IsWeighted(this Role role) => role is >= Role.Linear and <= Role.Transformer;

    public static bool IsRecurrent(this Role role) => role is >= Role.Rnn and <= Role.GruCell;

    /// <summary>Something that a tensor goes through: everything from weighted layers to tensor arithmetic.</summary>
    public static bool IsOperation(this Role role) => role is >= Role.Linear and <= Role.Detach;

    public static bool IsContainer(this Role role) => role is Role.Sequential or Role.ModuleList or Role.ModuleDict;

    public static bool IsInitializer(this Role role) => role is >= Role.KaimingUniform and <= Role.Constant;

    public static bool IsLoss(this Role role) => role is >= Role.CrossEntropy and <= Role.Loss;

    /// <summary>A probability-like end of a model: the last node as an output activation.</summary>
    public static bool IsOutputActivation(this Role role) => role is Role.Sigmoid or Role.Softmax or Role.LogSoftmax or Role.LogSigmoid or Role.Softmin;

    /// <summary>A call of this role is an event of a training loop.</summary>
    public static bool IsTraining(this Role role) => role is >= Role.Gradient and <= Role.ClipValue;
}
