<?php

// An MCP server on Laravel's Request, whose `input()` is the body, and the query
// for what the body lacks. PHP's own server runs this for each request.
//
// Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.

require_once 'Illuminate/Http/autoload.php';

use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;

const TOOLS = ['safe', 'danger'];

$request = Request::capture();
$result = new stdClass();
if ($request->input('method') === 'tools/list') {
    $tool = fn ($name) => ['name' => $name, 'inputSchema' => ['type' => 'object']];
    $result = ['tools' => array_map($tool, TOOLS)];
}
$name = $request->input('params.name');
if ($request->input('method') === 'tools/call' && in_array($name, TOOLS, true)) {
    $run = json_encode($request->input('params.arguments.run'), JSON_PARTIAL_OUTPUT_ON_ERROR);
    // One write, so that no other can come between.
    file_put_contents('php://stdout', "ran $name $run\n");
    $result = ['content' => [['type' => 'text', 'text' => $name]]];
}
$answer = new JsonResponse(['jsonrpc' => '2.0', 'id' => $request->input('id'), 'result' => $result]);
$answer->headers->set('content-length', strlen($answer->getContent()));
$answer->send();
