package main

// Tool is the whole tool: the test binary is it when it is started by the name mmring.
var Tool = tool
