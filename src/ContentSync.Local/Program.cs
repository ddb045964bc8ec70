using System.Text;
using ContentSync.Local.CommandLine;

Console.OutputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
return await CommandLineProgram.RunAsync(args, CancellationToken.None).ConfigureAwait(false);
