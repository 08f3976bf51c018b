using System.Globalization;

namespace GradAnalyzers.Proofs;

/// <summary>What a proof showed.</summary>
/// <param name="Proof">The proof.</param>
/// <param name="Reports">What is reported in the program, as a build prints it.</param>
/// <param name="Before">The trainings of the program as it is written, one for each seed.</param>
/// <param name="Repairs">The same after each fix.</param>
internal sealed record Evidence(Proof Proof, IReadOnlyList<string> Reports, IReadOnlyList<Trial> Before, IReadOnlyList<Repair> Repairs)
{
    public static async Task<Evidence> Of(Proof proof, int seeds, CancellationToken cancellation)
    {
        var source = ProgramSource.Of(proof.File, Repository.Program(proof.File));
        source = await source.Measured(cancellation);
        var reports = await source.Reports(cancellation);
        if (reports.IsEmpty || reports.Any(report => report.Id != proof.Rule))
            throw new InvalidOperationException($"{proof.File}: {proof.Rule} alone should report; reported: {string.Join("; ", reports)}");
        var offers = await source.Offers(reports[0], cancellation);
        if (!offers.Select(offer => offer.EquivalenceKey).SequenceEqual(proof.Fixes.Select(fix => fix.Key)))
            throw new InvalidOperationException($"{proof.File}: all fixes are to be proven; offered: {string.Join(", ", offers.Select(offer => $"{offer.EquivalenceKey} ({offer.Title})"))}");

        var numbers = Enumerable.Range(1, seeds).ToList();
        var before = await Trial.Of(source, numbers, cancellation);
        var repairs = new List<Repair>();
        foreach (var (fix, offer) in proof.Fixes.Zip(offers))
        {
            // What was measured before the fix no longer counts: it is measured again.
            var repaired = await (await source.Fixed(proof.Rule, fix.Key, cancellation)).Measured(cancellation);
            var rest = await repaired.Reports(cancellation);
            if (!rest.IsEmpty)
                throw new InvalidOperationException($"{proof.File}, fixed by '{fix.Key}', still reports: {string.Join("; ", rest)}");
            repairs.Add(new(fix, offer.Title, Difference.Between(source.Text, repaired.Text), await Trial.Of(repaired, numbers, cancellation)));
        }

        return new(proof, [.. reports.Select(report => $"{report.Id}: {report.GetMessage(CultureInfo.InvariantCulture)}")], before, repairs);
    }

    /// <summary>The seeds with which a fix keeps its promise.</summary>
    public int Kept(Repair repair) => Before.Zip(repair.After).Count(pair => Proof.Sought.IsKept(pair.First.Figure, pair.Second.Figure));

    public override string ToString() => string.Join('\n', Repairs.Select(repair =>
        $"{Proof.Name} {repair.Fix.Key}: {Range(Before)} -> {Range(repair.After)}, ({Proof.Sought.Text}: {Kept(repair)} of {Before.Count} seeds)"));

    private static string Range(IReadOnlyList<Trial> trials) => string.Join(' ', trials.Select(trial => trial.Figure.ToString("G3", CultureInfo.InvariantCulture)));
}

/// <summary>A fixed program.</summary>
/// <param name="Fix">The fix.</param>
/// <param name="Title">Its title in the light bulb.</param>
/// <param name="Difference">What it changed, line by line.</param>
/// <param name="After">The trainings of the fixed program.</param>
internal sealed record Repair(Fix Fix, string Title, string Difference, IReadOnlyList<Trial> After);
