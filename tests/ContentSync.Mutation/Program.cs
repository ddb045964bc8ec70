using ContentSync.Mutation;

if (args is [Worker.Command]) return Worker.Run(Console.In);
if (Arguments.Read(args) is not { } arguments)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, pressed) =>
{
    pressed.Cancel = true;
    stop.Cancel();
};
try
{
    return await new MutationRun(arguments, Console.Out).RunAsync(stop.Token).ConfigureAwait(false);
}
catch (MutationException wrong)
{
    Console.Error.WriteLine(wrong.Message);
    return 2;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
