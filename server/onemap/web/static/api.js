// The API page: Swagger UI over this server's own OpenAPI document, without any outside validator.

const element = document.getElementById('api')

window.SwaggerUIBundle({
  domNode: element,
  url: element.dataset.definition,
  validatorUrl: null,
  deepLinking: true,
  docExpansion: 'none',
  defaultModelsExpandDepth: -1,
  presets: [window.SwaggerUIBundle.presets.apis],
  layout: 'BaseLayout',
})
