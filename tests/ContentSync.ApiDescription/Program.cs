using ContentSync.ApiDescription;

// Writes the API description that the library serves; with --check, only compares it with the routes and types.
var generated = OpenApiDocument.Create();
if (args is ["--check"])
{
    if (OpenApiDocument.Committed() == generated) return 0;
    Console.Error.WriteLine(OpenApiDocument.Outdated);
    return 1;
}

File.WriteAllText(OpenApiDocument.File, generated);
return 0;
