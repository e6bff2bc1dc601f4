"""What programs call: the HTTP dialects and the functions of the Gradio API."""
