namespace GradAnalyzers.Proofs;

/// <summary>A program that a rule reports, and what is better when its fix was applied.</summary>
/// <param name="Rule">The rule's id; no other rule reports anything in the program.</param>
/// <param name="File">The program, in Programs/.</param>
/// <param name="Fault">What is wrong with it, in a few words.</param>
/// <param name="Figure">What the program measures.</param>
/// <param name="Curve">What it notes in each round.</param>
/// <param name="Sought">What must become better, with every seed.</param>
/// <param name="Fixes">The fixes by their keys; the first is the one that <c>dotnet format</c> applies.</param>
internal sealed record Proof(string Rule, string File, string Fault, string Figure, string Curve, Sought Sought, params Fix[] Fixes)
{
    /// <summary>What a person saw who had such code, or null for a program that was made up.</summary>
    public string? Found { get; init; }

    public string Name => Path.GetFileNameWithoutExtension(File);

    public static IReadOnlyList<Proof> All { get; } =
    [
        new("GRAD1001", "GRAD1001.SigmoidStack.cs", "Six sigmoid layers", Ratio, Loss, Sought.Healthy, new Fix("relu", "ReLU, Kaiming"), new("normalization", "BatchNorm"), new("residual", "residual")),
        new("GRAD1002", "GRAD1002.DeepStack.cs", "17 layers without normalization", Ratio, Loss, Sought.Healthy, new Fix("normalization", "BatchNorm"), new("layernorm", "LayerNorm"), new("kaiming", "Kaiming")),
        new("GRAD1003", "GRAD1003.PortedResNet.cs", "46 layers, the skip connections lost", Ratio, Loss, Sought.Healthy, new Fix("residual", "residual"))
        {
            Found = "A port of a residual network took over its layers one by one and forgot the sums. It compiles, has the right number of parameters, and trains badly.",
        },
        new("GRAD1004", "GRAD1004.SmallWeights.cs", "Weights of a deviation of 0.01", Ratio, Loss, Sought.Healthy, new Fix("fitting", "Kaiming")),
        new("GRAD1005", "GRAD1005.ConstantProjection.cs", "A projection whose weights are all the same", "loss after 150 steps", Loss, Sought.Lower(3), new Fix("random", "normal_"))
        {
            Found = "Ports of vision transformers initialize their projections by trunc_normal_. TorchSharp's writes the deviation itself into every element: queries, keys and values are one number, and stay so.",
        },
        new("GRAD1005", "GRAD1005.WeightsOfOne.cs", "Hidden weights of one", "loss after 200 steps", Loss, Sought.Lower(2), new Fix("random", "Kaiming")),
        new("GRAD1006", "GRAD1006.AppliedTooEarly.cs", "An initialization that runs too early", "loss after 150 steps", Loss, Sought.Lower(2), new Fix("move", "moved")),
        new("GRAD2001", "GRAD2001.Unclipped.cs", "A recurrent network without clipping", LastLoss, Loss, Sought.Finite, new Fix("clip_grad_norm_", "clipped by norm"), new("clip_grad_value_", "clipped by value")),
        new("GRAD2002", "GRAD2002.ClippedTooEarly.cs", "Clipping before backward", LastLoss, Loss, Sought.Finite, new Fix("move", "clip moved")),
        new("GRAD2003", "GRAD2003.NeverCleared.cs", "Gradients that are never cleared", LastLoss, Loss, Sought.Lower(2), new Fix("zero_grad", "cleared")),
        new("GRAD2004", "GRAD2004.ClearedBeforeTheStep.cs", "Gradients that are cleared before the step", Moved, Loss, Sought.Moves, new Fix("move", "clear moved")),
        new("GRAD2005", "GRAD2005.CarriedState.cs", "A state that is carried over with its history", "pieces that are learned, of 60", Loss, Sought.Higher(10), new Fix("detach", "detached")),
        new("GRAD2006", "GRAD2006.ThresholdTooLarge.cs", "A clip at 1e9", LastLoss, Loss, Sought.Finite, new Fix("threshold", "clip at 1.0")),
        new("GRAD2009", "GRAD2009.ForgottenEncoder.cs", "An encoder that no optimizer holds", "distance that the encoder's parameters moved", Loss, Sought.Moves, new Fix("parameters", "in the optimizer")),
        new("GRAD2009", "GRAD2009.MadeTooEarly.cs", "An optimizer that is made before the model", LastLoss, Loss, Sought.Lower(3), new Fix("move", "made later")),
        new("GRAD2010", "GRAD2010.ErasedAccumulation.cs", "Accumulated gradients that are erased", "loss after 100 steps, all samples", Loss, Sought.Lower(1.2), new Fix("move", "clear moved")),
        new("GRAD3001", "GRAD3001.SoftmaxAtTheEnd.cs", "A softmax before cross entropy", "wrong answers in 100 after 100 epochs", Wrong, Sought.Lower(2), new Fix("loss", "without softmax"))
        {
            Found = "A model ends in a softmax, because its caller wants probabilities; its training hands them to a loss that applies another. Found in several classifiers.",
        },
        new("GRAD3002", "GRAD3002.SaturatedSigmoid.cs", "A sigmoid before binary cross entropy", "wrong answers in 100 after 150 steps", Wrong, Sought.Lower(2), new Fix("loss", "loss on logits")),
        new("GRAD3003", "GRAD3003.LogarithmOfSoftmax.cs", "The logarithm of a softmax", LastLoss, Loss, Sought.Finite, new Fix("logarithm", "log_softmax")),
        new("GRAD3004", "GRAD3004.SecondSigmoid.cs", "A sigmoid before a loss that applies one", LastLoss, Loss, Sought.Lower(3), new Fix("loss", "without sigmoid")),
        new("GRAD3005", "GRAD3005.NoLogarithm.cs", "A softmax before negative log likelihood", "wrong answers in 100 after 150 steps", Wrong, Sought.Lower(2), new Fix("loss", "log_softmax")),
        new("GRAD4001", "GRAD4001.LayersInAList.cs", "Layers in a List", "distance that the hidden weights moved", Loss, Sought.Moves, new Fix("register", "ModuleList")),
        new("GRAD4001", "GRAD4001.ThreeMoreWays.cs", "Three more ways not to register", "least distance that any of the three moved", Loss, Sought.Moves, new Fix("register", "registered")),
        new("GRAD4002", "GRAD4002.LeakedByEvaluation.cs", "Gradients switched off by an evaluation", "epochs that are learned, of 60", Loss, Sought.Higher(10), new Fix("using", "using var"))
        {
            Found = "Python's 'with torch.no_grad():' became a call whose result is dropped. After the first evaluation gradients are off for good; the next epoch throws, or guards against that and learns nothing.",
        },
        new("GRAD4003", "GRAD4003.DistributionalAgent.cs", "A loss under no_grad", "steps that are learned, of 100", Loss, Sought.Higher(10), new Fix("scope", "without the scope"))
        {
            Found = "A distributional agent computes its target under no_grad. 'using var' keeps the scope to the end of the method, and the prediction comes after it.",
        },
        new("GRAD4004", "GRAD4004.DetachedFeatures.cs", "A prediction that is detached", Moved, Loss, Sought.Moves, new Fix("detach", "without detach")),
        new("GRAD4005", "GRAD4005.EqualPairs.cs", "The root of a distance that can be 0", LastLoss, Loss, Sought.Finite, new Fix("epsilon", "epsilon inside")),
        new("GRAD4006", "GRAD4006.HandWrittenClip.cs", "The norm over dimension 2", "steps that are learned, of 200", Loss, Sought.Higher(10), new Fix("norm", "norm(2f)"))
        {
            Found = "A clip that was written out by hand, translated from Python: there norm(2) is the 2-norm, here it is the norm over dimension 2, which a matrix does not have.",
        },
        new("GRAD4007", "GRAD4007.ScaledStart.cs", "Weights that are no leaves", Moved, Loss, Sought.Moves, new Fix("leaf", "leaves")),
        new("GRAD9001", "GRAD9001.SmallInputs.cs", "Sigmoid layers that vanish on inputs of a hundredth", Ratio, Loss, Sought.Healthy, new Fix("relu", "ReLU, Kaiming"), new("normalization", "BatchNorm")),
        new("GRAD9003", "GRAD9003.DeadUnits.cs", "Units that died of inputs that are not centered", "wrong answers in 100 after 300 steps", Loss, Sought.Lower(3), new Fix("leaky", "LeakyReLU")),
    ];

    private const string Ratio = "gradient of the first weight over that of the last";
    private const string LastLoss = "loss at the end";
    private const string Moved = "distance that the parameters moved";
    private const string Loss = "loss";
    private const string Wrong = "wrong answers in 100";
}

/// <summary>One entry of the light bulb.</summary>
/// <param name="Key">Its equivalence key.</param>
/// <param name="Label">What a picture calls the fixed program.</param>
internal sealed record Fix(string Key, string Label);
